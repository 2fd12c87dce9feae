"""Motion that the package makes: everyday movements as smooth curves of joint angles."""
