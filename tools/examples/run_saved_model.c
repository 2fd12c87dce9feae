/* Runs an exported solver by TensorFlow's C API alone: joints in, one output out, both as raw float32.

   gcc run_saved_model.c -I$TF/include -L$TF -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,-rpath,$TF -o run
   saved_model_cli show --dir saved_models/one_stage/1 --tag_set serve --signature_def ik
   ./run saved_models/one_stage/1 INPUT OUTPUT < joints.f32 > body_pose.f32

   $TF is the folder of the Python package tensorflow (libtensorflow's archive does as well). INPUT and OUTPUT are the
   names that the second line shows for inputs['joints'] and outputs['body_pose'], such as ik_joints:0 and
   StatefulPartitionedCall_1:0; they change from export to export. joints are (batch, 29, 3) metres. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

enum { FLOATS_PER_POSE = 29 * 3, MOST_POSES = 4096 };

static void check(TF_Status* status) {
  if (TF_GetCode(status) == TF_OK) return;
  fprintf(stderr, "%s\n", TF_Message(status));
  exit(1);
}

/* The tensor called NAME:INDEX; without :INDEX the first one of the operation. */
static TF_Output tensor(TF_Graph* graph, char* name) {
  char* colon = strrchr(name, ':');
  if (colon != NULL) *colon = '\0';
  TF_Output found = {TF_GraphOperationByName(graph, name), colon == NULL ? 0 : atoi(colon + 1)};
  if (found.oper != NULL && found.index >= 0 && found.index < TF_OperationNumOutputs(found.oper)) return found;
  fprintf(stderr, "The graph has no tensor %s:%d; saved_model_cli show --all lists the names.\n", name, found.index);
  exit(1);
}

static TF_Tensor* joints_from(FILE* file) {
  static float numbers[MOST_POSES * FLOATS_PER_POSE];
  size_t read = fread(numbers, sizeof(float), MOST_POSES * FLOATS_PER_POSE, file);
  int64_t shape[] = {(int64_t)(read / FLOATS_PER_POSE), 29, 3};
  TF_Tensor* joints = TF_AllocateTensor(TF_FLOAT, shape, 3, shape[0] * FLOATS_PER_POSE * sizeof(float));
  memcpy(TF_TensorData(joints), numbers, TF_TensorByteSize(joints));
  return joints;
}

int main(int count, char** arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: run FOLDER INPUT OUTPUT < joints > output\n");
    return 1;
  }
  const char* tags[] = {"serve"};
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Session* session = TF_LoadSessionFromSavedModel(options, NULL, arguments[1], tags, 1, graph, NULL, status);
  check(status);

  TF_Output input = tensor(graph, arguments[2]), output = tensor(graph, arguments[3]);
  TF_Tensor *joints = joints_from(stdin), *answer = NULL;
  TF_SessionRun(session, NULL, &input, &joints, 1, &output, &answer, 1, NULL, 0, NULL, status);
  check(status);
  fwrite(TF_TensorData(answer), 1, TF_TensorByteSize(answer), stdout);

  TF_DeleteTensor(answer);
  TF_DeleteTensor(joints);
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}
