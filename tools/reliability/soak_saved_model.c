/* Calls an exported solver from many threads by TensorFlow's C API, against the answers that one thread gave.

   soak FOLDER INPUT OUTPUT THREADS SECONDS SEED < joints.f32

   soak.py compiles and runs it. joints are 64 examples of 4 poses, (256, 29, 3) metres; of example k, 1 + k % 4 poses
   are used. Prints a line of JSON: calls, wrong answers, how far they are apart at most, memory, latency. */

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensorflow/c/c_api.h"

enum { NUMBERS = 29 * 3, EXAMPLES = 64, MOST = 4, EDGE = 1000 };
static const float WRONG = 1e-4f;

static TF_Session* session;
static TF_Output input, output;
static float joints[EXAMPLES * MOST * NUMBERS];
static TF_Tensor* wanted[EXAMPLES];
static double until;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long tried, wrong;
static float worst;
static double first[EDGE], last[EDGE], begin_mb;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

/* MB that Linux tells of this process by NAME, such as VmRSS. */
static double megabytes(const char* name) {
  char line[256];
  double found = 0.0;
  FILE* file = fopen("/proc/self/status", "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, name, strlen(name)) == 0) found = atof(line + strlen(name) + 1) / 1024.0;
  if (file != NULL) fclose(file);
  return found;
}

static void settle(void) {
  FILE* file = fopen("/proc/self/clear_refs", "w");
  if (file != NULL) {
    fputs("5", file);
    fclose(file);
  }
  begin_mb = megabytes("VmRSS");
}

static void check(TF_Status* status) {
  if (TF_GetCode(status) == TF_OK) return;
  fprintf(stderr, "%s\n", TF_Message(status));
  exit(1);
}

static TF_Output tensor(TF_Graph* graph, char* name) {
  char* colon = strrchr(name, ':');
  if (colon != NULL) *colon = '\0';
  TF_Output found = {TF_GraphOperationByName(graph, name), colon == NULL ? 0 : atoi(colon + 1)};
  if (found.oper != NULL) return found;
  fprintf(stderr, "The graph has no operation %s.\n", name);
  exit(1);
}

static TF_Tensor* answer_of(int example, TF_Status* status) {
  int64_t shape[] = {1 + example % MOST, 29, 3};
  TF_Tensor *given = TF_AllocateTensor(TF_FLOAT, shape, 3, shape[0] * NUMBERS * sizeof(float)), *answer = NULL;
  memcpy(TF_TensorData(given), joints + example * MOST * NUMBERS, TF_TensorByteSize(given));
  TF_SessionRun(session, NULL, &input, &given, 1, &output, &answer, 1, NULL, 0, NULL, status);
  check(status);
  TF_DeleteTensor(given);
  return answer;
}

static float apart(TF_Tensor* one, TF_Tensor* other) {
  const float *a = TF_TensorData(one), *b = TF_TensorData(other);
  size_t count = TF_TensorByteSize(one) / sizeof(float);
  if (count == 0 || TF_TensorByteSize(one) != TF_TensorByteSize(other)) return INFINITY;
  float most = 0.0f;
  for (size_t i = 0; i < count; i++) {
    float gap = fabsf(a[i] - b[i]);
    if (!(gap <= most)) most = isfinite(gap) ? gap : INFINITY;
  }
  return most;
}

static void add(float gap, double took) {
  pthread_mutex_lock(&lock);
  if (tried < EDGE) first[tried] = took;
  last[tried % EDGE] = took;
  tried++;
  if (tried == EDGE) settle();
  wrong += !(gap <= WRONG);
  if (gap > worst) worst = gap;
  pthread_mutex_unlock(&lock);
}

static void* work(void* number) {
  unsigned seed = *(unsigned*)number;
  TF_Status* status = TF_NewStatus();
  while (seconds() < until) {
    int example = rand_r(&seed) % EXAMPLES;
    double began = seconds();
    TF_Tensor* answer = answer_of(example, status);
    double took = seconds() - began;
    add(apart(wanted[example], answer), took);
    TF_DeleteTensor(answer);
  }
  TF_DeleteStatus(status);
  return NULL;
}

static int compare(const void* a, const void* b) {
  double gap = *(const double*)a - *(const double*)b;
  return (gap > 0) - (gap < 0);
}

static double percentile(double* values, double percent) {
  size_t count = tried < EDGE ? tried : EDGE;
  qsort(values, count, sizeof *values, compare);
  return count == 0 ? 0.0 : 1000.0 * values[(size_t)(percent / 100.0 * (count - 1))];
}

static void print(void) {
  double now = megabytes("VmRSS"), peak = megabytes("VmHWM");
  printf("{\"tried\": %ld, \"wrong\": %ld, \"apart\": %g, \"mb\": %g, \"grown_mb\": %g, \"peak_mb\": %g, ", tried, wrong,
         isfinite(worst) ? worst : 1e9, begin_mb, now - begin_mb, peak - begin_mb);
  printf("\"median_first_ms\": %g, \"p99_first_ms\": %g, ", percentile(first, 50), percentile(first, 99));
  printf("\"median_last_ms\": %g, \"p99_last_ms\": %g}\n", percentile(last, 50), percentile(last, 99));
}

int main(int count, char** arguments) {
  if (count != 7 || fread(joints, 1, sizeof joints, stdin) != sizeof joints) {
    fprintf(stderr, "usage: soak FOLDER INPUT OUTPUT THREADS SECONDS SEED < joints\n");
    return 1;
  }
  const char* tags[] = {"serve"};
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  session = TF_LoadSessionFromSavedModel(options, NULL, arguments[1], tags, 1, graph, NULL, status);
  check(status);
  input = tensor(graph, arguments[2]);
  output = tensor(graph, arguments[3]);
  for (int k = 0; k < EXAMPLES; k++) wanted[k] = answer_of(k, status);

  int threads = atoi(arguments[4]);
  pthread_t* running = calloc(threads, sizeof *running);
  unsigned* seeds = calloc(threads, sizeof *seeds);
  settle();
  until = seconds() + atof(arguments[5]);
  for (int t = 0; t < threads; t++) {
    seeds[t] = 1000u * (unsigned)atoi(arguments[6]) + (unsigned)t;
    if (pthread_create(&running[t], NULL, work, &seeds[t]) != 0) return 1;
  }
  for (int t = 0; t < threads; t++) pthread_join(running[t], NULL);
  print();
  return 0;
}
