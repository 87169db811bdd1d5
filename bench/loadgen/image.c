#define _GNU_SOURCE
#include "image.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void stop(const char *what) {
  fprintf(stderr, "loadgen: %s\n", what);
  exit(2);
}

struct template_file open_template(const struct options *options) {
  struct template_file file = {0};
  struct stat status;
  int fd = open(options->file, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &status) != 0 || status.st_size == 0) stop("cannot read --file");
  file.length = (size_t)status.st_size;
  file.data = mmap(NULL, file.length, PROT_READ, MAP_PRIVATE, fd, 0);
  if (file.data == MAP_FAILED) stop("cannot map --file");
  size_t uid_length = strlen(options->placeholder);
  if (uid_length <= COUNTER_DIGITS || uid_length >= UID_SIZE) stop("--placeholder has too few or too many characters");
  /* SOP Instance UID is (0008,0018): near the beginning, and the only one with this value. */
  const uint8_t *found = memmem(file.data, file.length < 65536 ? file.length : 65536, options->placeholder, uid_length);
  if (found == NULL) stop("the placeholder UID is not in --file");
  file.uid_at = (size_t)(found - file.data);
  return file;
}

static size_t counter_in(const uint8_t *data, size_t length, const char *uid) {
  const uint8_t *found = memmem(data, length, uid, strlen(uid));
  if (found == NULL) stop("the placeholder UID is cut by a PDU");
  return (size_t)(found - data) + strlen(uid) - COUNTER_DIGITS;
}

struct image build_image(const struct options *options, const struct template_file *file, uint32_t max_pdu) {
  struct image image = {0};
  struct command command = {.field = C_STORE_RQ, .message_id = 0xabab, .has_data_set = true};
  snprintf(command.sop_class, UID_SIZE, "%s", options->sop_class);
  snprintf(command.sop_instance, UID_SIZE, "%s", options->placeholder);
  image.wire = command_pdu(1, &command);
  image.counter_at[0] = counter_in(image.wire.data, image.wire.length, options->placeholder);
  static const uint8_t message_id[] = {0x10, 0x01, 2, 0, 0, 0, 0xab, 0xab};
  const uint8_t *found = memmem(image.wire.data, image.wire.length, message_id, sizeof message_id);
  if (found == NULL) stop("no message ID in the command");
  image.message_id_at = (size_t)(found - image.wire.data) + 6;

  /* PDV length, context ID and control header take 6 bytes; fragments have even lengths (PS3.8 E.2). */
  size_t most = (max_pdu - 6) & ~(size_t)1;
  for (size_t at = 0; at < file->length; at += most) {
    size_t n = file->length - at < most ? file->length - at : most;
    uint8_t head[12] = {PDU_DATA};
    put_be32(head + 2, (uint32_t)n + 6);
    put_be32(head + 6, (uint32_t)n + 2);
    head[10] = 1, head[11] = at + n == file->length ? 0x02 : 0x00;
    append(&image.wire, head, sizeof head);
    size_t start = image.wire.length;
    append(&image.wire, file->data + at, n);
    if (image.head_length == 0 && file->uid_at < at + n) {
      image.counter_at[1] = start + counter_in(image.wire.data + start, n, options->placeholder);
      image.head_length = image.wire.length;
    }
  }
  return image;
}
