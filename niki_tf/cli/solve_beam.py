"""`solve --runner=beam`: the pipeline, and how it went."""

import json
import shlex
import sys
from collections import Counter
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions

from niki_tf.cli import beam_files, beam_steps
from niki_tf.cli.beam_steps import BAD, LONG
from niki_tf.cli.solve_files import Options

_HERE = "--runner=FnApiRunner"
"""Unless another is given: on this machine, in this process."""


def solve(text: str, output: str, options: Options, *, arguments: str) -> int:
    """Solves all files that are not solved, writes dead letters, and gives their number.

    Args:
        text: file, folder or pattern, as Beam's file systems have it.
        output: folder.
        options: of all files.
        arguments: of Beam, as in a shell.

    Raises:
        ValueError: nothing readable is there, or the folder holds outputs of other options.
    """
    given = [_HERE, *shlex.split(arguments)]
    beam_steps.solver_of(options)  # so that a wrong option is told here, not by every worker
    todo, before = beam_files.jobs(text, output)
    beam_files.check_options(output, vars(options))
    if not todo:
        _say(Counter(), before)
        return 0
    pipeline = beam.Pipeline(options=PipelineOptions(given))
    _build(pipeline, todo, output, options)
    result = pipeline.run()
    result.wait_until_finish()
    counted = Counter[str]()
    of_ours = beam.metrics.MetricsFilter().with_namespace(beam_steps.METRICS)
    for counter in result.metrics().query(of_ours)["counters"]:
        counted[counter.key.metric.name] += counter.committed or 0
    _say(counted, before)
    return counted["bad"]


def _build(pipeline: beam.Pipeline, todo: list[beam_files.Job], output: str, options: Options) -> None:
    """Adds the steps: clips in one go, long ones over shards; and dead letters."""
    read = (
        pipeline
        | "Files" >> beam.Create(todo)
        | "Spread" >> beam.Reshuffle()
        | "Read" >> beam.ParDo(beam_steps.Read(options)).with_outputs(BAD, main="clips")
    )
    begun = read.clips | "Solve" >> RunInference(beam_steps.ClipHandler(options)) | "Solved" >> beam.Map(_inference)
    written = begun | "Write" >> beam.ParDo(beam_steps.Write(options)).with_outputs(BAD, LONG, main="lines")
    long = written[LONG] | "Keep" >> beam.Reshuffle()
    shards = (
        long
        | "Split" >> beam.ParDo(beam_steps.Split(options))
        | "Spread shards" >> beam.Reshuffle()
        | "Solve shards" >> RunInference(KeyedModelHandler(beam_steps.ShardHandler(options)))
        | "By path" >> beam.Map(_by_path)
    )
    joined = (
        {"clip": long | "Clip by path" >> beam.Map(lambda clip: (clip.job.path, clip)), "shards": shards}
        | "Group" >> beam.CoGroupByKey()
        | "Join" >> beam.ParDo(beam_steps.Join(options))
        | "Write long" >> beam.ParDo(beam_steps.Write(options)).with_outputs(BAD, LONG, main="lines")
    )
    for name, ending, parts in (
        ("lines", "solved", (written.lines, joined.lines)),
        ("letters", BAD, (read[BAD], written[BAD], joined[BAD])),
    ):
        (
            parts
            | f"All {name}" >> beam.Flatten()
            | f"As JSON, {name}" >> beam.Map(json.dumps)
            | f"To file, {name}" >> beam.io.WriteToText(FileSystems.join(output, ending), ".jsonl", skip_if_empty=True)
        )


def _inference(result: Any) -> Any:
    """What a model handler gave."""
    return result.inference


def _by_path(keyed: Any) -> Any:
    """((path, person, number), result) -> (path, (person, number, answer))."""
    (path, person, number), result = keyed
    return path, (person, number, result.inference)


def _say(counted: Counter[str], before: int) -> None:
    print(
        f"solve: {counted['solved']} files solved, {before} were finished before, {counted['bad']} bad; "
        f"{counted['frames']} frames, {counted['shards']} shards of long clips.",
        file=sys.stderr,
    )
