#include "dicom.h"
#include <stdlib.h>
#include <string.h>

uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
void put_be32(uint8_t *p, uint32_t v) { p[0] = v >> 24, p[1] = v >> 16, p[2] = v >> 8, p[3] = v; }
void put_le16(uint8_t *p, uint16_t v) { p[0] = v & 0xff, p[1] = v >> 8; }
static uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint16_t le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t le32(const uint8_t *p) { return le16(p) | (uint32_t)le16(p + 2) << 16; }

void append(struct bytes *b, const void *data, size_t length) {
  if (b->length + length > b->capacity) {
    b->capacity = (b->length + length) * 2;
    b->data = realloc(b->data, b->capacity);
    if (b->data == NULL) abort();
  }
  memcpy(b->data + b->length, data, length);
  b->length += length;
}

/* An item or sub-item: type, reserved, 16-bit length. */
static void append_item(struct bytes *b, uint8_t type, const void *value, size_t length) {
  uint8_t head[4] = {type, 0, (uint8_t)(length >> 8), (uint8_t)length};
  append(b, head, 4);
  append(b, value, length);
}

static void append_title(struct bytes *b, const char *title) {
  char padded[16];
  memset(padded, ' ', sizeof padded);
  memcpy(padded, title, strlen(title) < 16 ? strlen(title) : 16);
  append(b, padded, sizeof padded);
}

static struct bytes begin_pdu(uint8_t type) {
  struct bytes pdu = {0};
  uint8_t head[6] = {type};
  append(&pdu, head, sizeof head);
  return pdu;
}

static struct bytes end_pdu(struct bytes pdu) {
  put_be32(pdu.data + 2, (uint32_t)(pdu.length - 6));
  return pdu;
}

static void append_user_information(struct bytes *pdu, unsigned window) {
  struct bytes user = {0};
  uint8_t max_pdu[4];
  put_be32(max_pdu, MAX_PDU);
  append_item(&user, 0x51, max_pdu, 4);
  append_item(&user, 0x52, "2.25.280491386184532118409281546237642", 38);
  uint8_t invoked_and_performed[4] = {(uint8_t)(window >> 8), (uint8_t)window, 0, 1};
  if (window > 1) append_item(&user, 0x53, invoked_and_performed, 4);
  append_item(&user, 0x55, "LOADGEN_1", 9);
  append_item(pdu, 0x50, user.data, user.length);
  free(user.data);
}

struct bytes associate_request(const char *called, const char *calling, const char *sop_class, const char *transfer_syntax, unsigned window) {
  struct bytes pdu = begin_pdu(PDU_ASSOCIATE_RQ), context = {0};
  static const uint8_t version[4] = {0, 1, 0, 0}, reserved[32], context_head[4] = {1, 0, 0, 0};
  append(&pdu, version, 4);
  append_title(&pdu, called);
  append_title(&pdu, calling);
  append(&pdu, reserved, 32);
  append_item(&pdu, 0x10, "1.2.840.10008.3.1.1.1", 21);
  append(&context, context_head, 4);
  append_item(&context, 0x30, sop_class, strlen(sop_class));
  append_item(&context, 0x40, transfer_syntax, strlen(transfer_syntax));
  append_item(&pdu, 0x20, context.data, context.length);
  free(context.data);
  append_user_information(&pdu, window);
  return end_pdu(pdu);
}

struct bytes associate_accept(const uint8_t *request, size_t length) {
  struct bytes pdu = begin_pdu(PDU_ASSOCIATE_AC);
  append(&pdu, request, 68);
  append_item(&pdu, 0x10, "1.2.840.10008.3.1.1.1", 21);
  for (size_t at = 68; at + 4 <= length; at += 4 + be16(request + at + 2)) {
    const uint8_t *item = request + at;
    size_t item_length = be16(item + 2);
    if (item[0] != 0x20 || at + 4 + item_length > length) continue;
    for (size_t sub = 4; sub + 4 <= item_length; sub += 4 + be16(item + 4 + sub + 2)) {
      const uint8_t *syntax = item + 4 + sub;
      if (syntax[0] != 0x40 || sub + 4 + be16(syntax + 2) > item_length) continue;
      struct bytes context = {0};
      uint8_t head[4] = {item[4], 0, 0, 0};
      append(&context, head, 4);
      append_item(&context, 0x40, syntax + 4, be16(syntax + 2));
      append_item(&pdu, 0x21, context.data, context.length);
      free(context.data);
      break;
    }
  }
  append_user_information(&pdu, 1);
  return end_pdu(pdu);
}

bool parse_accept(const uint8_t *body, size_t length, struct accepted *terms) {
  bool accepted = false;
  *terms = (struct accepted){.max_pdu = 0, .window = 1};
  for (size_t at = 68; at + 4 <= length; at += 4 + be16(body + at + 2)) {
    const uint8_t *item = body + at;
    size_t item_length = be16(item + 2);
    if (at + 4 + item_length > length) return false;
    if (item[0] == 0x21 && item_length >= 4 && item[4] == 1) accepted = item[6] == 0;
    if (item[0] != 0x50) continue;
    for (size_t sub = 4; sub + 4 <= item_length + 4; sub += 4 + be16(item + sub + 2)) {
      if (sub + 8 > item_length + 4) continue;
      if (item[sub] == 0x51) terms->max_pdu = be32(item + sub + 4);
      if (item[sub] == 0x53) terms->window = be16(item + sub + 4);
    }
  }
  return accepted;
}

static void append_element(struct bytes *b, uint16_t element, const void *value, size_t length) {
  uint8_t head[8] = {0, 0, element & 0xff, element >> 8, (uint8_t)length, (uint8_t)(length >> 8), 0, 0};
  append(b, head, 8);
  append(b, value, length);
}

static void append_us(struct bytes *b, uint16_t element, uint16_t value) {
  uint8_t le[2];
  put_le16(le, value);
  append_element(b, element, le, 2);
}

static void append_uid(struct bytes *b, uint16_t element, const char *uid) {
  char padded[UID_SIZE + 1] = {0};
  memcpy(padded, uid, strnlen(uid, UID_SIZE - 1));
  size_t length = strlen(padded);
  append_element(b, element, padded, length + length % 2);
}

struct bytes command_pdu(uint8_t context, const struct command *c) {
  struct bytes set = {0}, pdu = begin_pdu(PDU_DATA);
  bool response = c->field & 0x8000;
  if (c->sop_class[0]) append_uid(&set, 0x0002, c->sop_class);
  append_us(&set, 0x0100, (uint16_t)c->field);
  append_us(&set, response ? 0x0120 : 0x0110, (uint16_t)c->message_id);
  if (!response && c->has_data_set) append_us(&set, 0x0700, 0);
  append_us(&set, 0x0800, c->has_data_set ? 0x0001 : 0x0101);
  if (response) append_us(&set, 0x0900, (uint16_t)c->status);
  if (c->sop_instance[0]) append_uid(&set, 0x1000, c->sop_instance);
  uint8_t pdv[6], group_length[12] = {0, 0, 0, 0, 4, 0, 0, 0, (uint8_t)set.length, (uint8_t)(set.length >> 8)};
  put_be32(pdv, (uint32_t)(2 + sizeof group_length + set.length));
  pdv[4] = context, pdv[5] = 0x03;
  append(&pdu, pdv, 6);
  append(&pdu, group_length, sizeof group_length);
  append(&pdu, set.data, set.length);
  free(set.data);
  return end_pdu(pdu);
}

bool parse_command(const uint8_t *data, size_t length, struct command *c) {
  memset(c, 0, sizeof *c);
  for (size_t at = 0; at + 8 <= length;) {
    uint16_t group = le16(data + at), element = le16(data + at + 2);
    size_t size = le32(data + at + 4);
    const uint8_t *value = data + at + 8;
    if (group != 0 || size > length - at - 8) return false;
    if (size >= 2 && element == 0x0100) c->field = le16(value);
    if (size >= 2 && (element == 0x0110 || element == 0x0120)) c->message_id = le16(value);
    if (size >= 2 && element == 0x0800) c->has_data_set = le16(value) != 0x0101;
    if (size >= 2 && element == 0x0900) c->status = le16(value);
    if (size < UID_SIZE && element == 0x0002) memcpy(c->sop_class, value, size);
    if (size < UID_SIZE && element == 0x1000) memcpy(c->sop_instance, value, size);
    at += 8 + size;
  }
  return c->field != 0;
}
