/*
 * One instance as it goes over the wire: the C-STORE-RQ and the data set, all PDU headers in place. The beginning, which
 * holds the SOP Instance UID in command and data set, is copied by each association; the rest is shared by all.
 */
#ifndef IMAGE_H
#define IMAGE_H
#include "dicom.h"
#include "load.h"

/* Digits at the end of the placeholder UID that are replaced by a counter. */
#define COUNTER_DIGITS 12

struct image {
  struct bytes wire;
  /* Bytes of `wire` that each association needs for itself. */
  size_t head_length;
  /* Where the counter's digits and the message ID are, in the head. */
  size_t counter_at[2], message_id_at;
};

struct template_file {
  const uint8_t *data;
  size_t length;
  size_t uid_at;
};

/* Exits with a message when the file cannot be used. */
struct template_file open_template(const struct options *options);
/* `max_pdu` is the longest P-DATA-TF, after its 6 byte header. */
struct image build_image(const struct options *options, const struct template_file *file, uint32_t max_pdu);
#endif
