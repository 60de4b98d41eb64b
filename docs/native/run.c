/* Runs signatures of a TFLite file, one after another, in one process without Python or TensorFlow.
 *
 *   run MODEL.tflite FOLDER SIGNATURE [SIGNATURE ...]
 *
 * Call number i, from 0, reads each input from FOLDER/i.NAME.in and writes each output to FOLDER/i.NAME.out: raw
 * little-endian numbers of the tensor's own type, in row-major order. Weights that `train` changed stay
 * changed for the calls after it. An input file of another size than its tensor ends the program. README.md says how
 * to build it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is used of the C API of LiteRT 2: handles are opaque, a status of 0 is success. */
typedef int Status;
typedef void *Handle;
typedef struct { char opaque[256]; } TensorType; /* LiteRtRankedTensorType: passed on as it came */
enum { CPU = 1, READ = 0, WRITE = 1 };
Status LiteRtCreateEnvironment(int count, const void *options, Handle *environment);
Status LiteRtCreateModelFromFile(Handle environment, const char *path, Handle *model);
Status LiteRtCreateOptions(Handle *options);
Status LiteRtSetOptionsHardwareAccelerators(Handle options, int accelerators);
Status LiteRtCreateCompiledModel(Handle environment, Handle model, Handle options, Handle *compiled);
Status LiteRtGetNumModelSignatures(Handle model, size_t *count);
Status LiteRtGetModelSignature(Handle model, size_t index, Handle *signature);
Status LiteRtGetSignatureKey(Handle signature, const char **key);
Status LiteRtGetNumSignatureInputs(Handle signature, size_t *count);
Status LiteRtGetNumSignatureOutputs(Handle signature, size_t *count);
Status LiteRtGetSignatureInputName(Handle signature, size_t index, const char **name);
Status LiteRtGetSignatureOutputName(Handle signature, size_t index, const char **name);
Status LiteRtGetSignatureInputTensorByIndex(Handle signature, size_t index, Handle *tensor);
Status LiteRtGetSignatureOutputTensorByIndex(Handle signature, size_t index, Handle *tensor);
Status LiteRtGetRankedTensorType(Handle tensor, TensorType *type);
Status LiteRtGetCompiledModelInputBufferRequirements(Handle compiled, size_t signature, size_t index, Handle *needs);
Status LiteRtGetCompiledModelOutputBufferRequirements(Handle compiled, size_t signature, size_t index, Handle *needs);
Status LiteRtCreateManagedTensorBufferFromRequirements(Handle environment, const TensorType *type, Handle needs,
                                                       Handle *buffer);
Status LiteRtLockTensorBuffer(Handle buffer, void **memory, int mode);
Status LiteRtUnlockTensorBuffer(Handle buffer);
Status LiteRtGetTensorBufferPackedSize(Handle buffer, size_t *bytes);
Status LiteRtRunCompiledModel(Handle compiled, size_t signature, size_t inputs, Handle *in, size_t outputs,
                              Handle *out);
void LiteRtDestroyTensorBuffer(Handle buffer);

static Handle environment, model, compiled;

static void fail(const char *what, const char *which) {
  fprintf(stderr, "run: %s: %s\n", which, what);
  exit(1);
}

#define CHECK(call)                                  \
  do {                                               \
    Status status = (call);                          \
    if (status) {                                    \
      fprintf(stderr, "run: %s: status %d\n", #call, status); \
      exit(1);                                       \
    }                                                \
  } while (0)

static void open_model(const char *path) {
  Handle options;
  CHECK(LiteRtCreateEnvironment(0, NULL, &environment));
  if (LiteRtCreateModelFromFile(environment, path, &model)) fail("not a readable TFLite file", path);
  CHECK(LiteRtCreateOptions(&options));
  CHECK(LiteRtSetOptionsHardwareAccelerators(options, CPU));
  CHECK(LiteRtCreateCompiledModel(environment, model, options, &compiled));
}

static size_t find_signature(const char *name, Handle *signature) {
  size_t count;
  const char *key;
  CHECK(LiteRtGetNumModelSignatures(model, &count));
  for (size_t i = 0; i < count; i++) {
    CHECK(LiteRtGetModelSignature(model, i, signature));
    CHECK(LiteRtGetSignatureKey(*signature, &key));
    if (!strcmp(key, name)) return i;
  }
  fail("the file has no such signature", name);
  return 0;
}

/* A buffer for a tensor. */
static Handle buffer(Handle tensor, Handle needs) {
  TensorType type;
  Handle made;
  CHECK(LiteRtGetRankedTensorType(tensor, &type));
  CHECK(LiteRtCreateManagedTensorBufferFromRequirements(environment, &type, needs, &made));
  return made;
}

/* Moves a tensor from its file, or to it. */
static void transfer(Handle tensor, const char *folder, int call, const char *name, int mode) {
  char path[4096];
  size_t bytes, moved;
  void *memory;
  int length = snprintf(path, sizeof path, "%s/%d.%s.%s", folder, call, name, mode == WRITE ? "in" : "out");
  if (length < 0 || (size_t)length >= sizeof path) fail("the path is too long", folder);
  FILE *file = fopen(path, mode == WRITE ? "rb" : "wb");
  if (!file) fail("cannot open the file", path);
  CHECK(LiteRtGetTensorBufferPackedSize(tensor, &bytes));
  CHECK(LiteRtLockTensorBuffer(tensor, &memory, mode));
  moved = mode == WRITE ? fread(memory, 1, bytes, file) : fwrite(memory, 1, bytes, file);
  if (moved != bytes || (mode == WRITE && fgetc(file) != EOF)) fail("the file is not as large as the tensor", path);
  CHECK(LiteRtUnlockTensorBuffer(tensor));
  if (fclose(file)) fail("cannot write the file", path);
}

static void call_signature(const char *key, const char *folder, int call) {
  Handle signature, tensor, needs;
  const char *name;
  size_t index = find_signature(key, &signature), inputs, outputs;
  CHECK(LiteRtGetNumSignatureInputs(signature, &inputs));
  CHECK(LiteRtGetNumSignatureOutputs(signature, &outputs));
  Handle *in = calloc(inputs + 1, sizeof *in), *out = calloc(outputs + 1, sizeof *out);
  if (!in || !out) fail("out of memory", key);
  for (size_t i = 0; i < inputs; i++) {
    CHECK(LiteRtGetSignatureInputTensorByIndex(signature, i, &tensor));
    CHECK(LiteRtGetCompiledModelInputBufferRequirements(compiled, index, i, &needs));
    CHECK(LiteRtGetSignatureInputName(signature, i, &name));
    in[i] = buffer(tensor, needs);
    transfer(in[i], folder, call, name, WRITE);
  }
  for (size_t i = 0; i < outputs; i++) {
    CHECK(LiteRtGetSignatureOutputTensorByIndex(signature, i, &tensor));
    CHECK(LiteRtGetCompiledModelOutputBufferRequirements(compiled, index, i, &needs));
    out[i] = buffer(tensor, needs);
  }
  CHECK(LiteRtRunCompiledModel(compiled, index, inputs, in, outputs, out));
  for (size_t i = 0; i < outputs; i++) {
    CHECK(LiteRtGetSignatureOutputName(signature, i, &name));
    transfer(out[i], folder, call, name, READ);
    LiteRtDestroyTensorBuffer(out[i]);
  }
  for (size_t i = 0; i < inputs; i++) LiteRtDestroyTensorBuffer(in[i]);
  free(in);
  free(out);
}

int main(int count, char **words) {
  if (count < 4) fail("needs MODEL.tflite FOLDER SIGNATURE [SIGNATURE ...]", "usage");
  open_model(words[1]);
  for (int i = 3; i < count; i++) call_signature(words[i], words[2], i - 3);
  return 0;
}
