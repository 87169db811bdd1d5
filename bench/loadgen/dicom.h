/* The few PDUs (PS3.8 9.3) and command sets (PS3.7 E.1) that a C-STORE needs. */
#ifndef DICOM_H
#define DICOM_H
#include "wire.h"

enum { PDU_ASSOCIATE_RQ = 1, PDU_ASSOCIATE_AC, PDU_ASSOCIATE_RJ, PDU_DATA, PDU_RELEASE_RQ, PDU_RELEASE_RP, PDU_ABORT };
enum { C_STORE_RQ = 0x0001, C_STORE_RSP = 0x8001, C_ECHO_RQ = 0x0030, C_ECHO_RSP = 0x8030 };

/* What we can receive, and the most that a P-DATA-TF of ours may hold unless an option says less. */
#define MAX_PDU 131072
#define UID_SIZE 65

struct bytes {
  uint8_t *data;
  size_t length, capacity;
};

struct command {
  unsigned field, message_id, status;
  bool has_data_set;
  char sop_class[UID_SIZE], sop_instance[UID_SIZE];
};

uint32_t be32(const uint8_t *p);
void put_be32(uint8_t *p, uint32_t value);
void put_le16(uint8_t *p, uint16_t value);
void append(struct bytes *b, const void *data, size_t length);

/* Proposes an asynchronous operations window (PS3.7 D.3.3.3) when `window` is more than 1. */
struct bytes associate_request(const char *called, const char *calling, const char *sop_class, const char *transfer_syntax, unsigned window);
/* Accepts every context with its first transfer syntax. */
struct bytes associate_accept(const uint8_t *request, size_t length);
struct accepted {
  /* The peer's maximum length, 0 for none. */
  uint32_t max_pdu;
  /* Operations that may be unanswered; 0 for any number. */
  unsigned window;
};
/* true: context 1 is accepted. */
bool parse_accept(const uint8_t *body, size_t length, struct accepted *accepted);

/* A whole P-DATA-TF with one command PDV in context `context`. */
struct bytes command_pdu(uint8_t context, const struct command *command);
bool parse_command(const uint8_t *data, size_t length, struct command *command);
#endif
