/* What the command line asks for, and the two things that the program does. */
#ifndef LOAD_H
#define LOAD_H
#include "wire.h"

#define MAX_WINDOW 256
/* Message IDs are used again from here on. */
#define MAX_MESSAGE_ID 4096

struct options {
  const char *host, *called, *calling, *file, *placeholder, *sop_class, *transfer_syntax;
  int port, associations, timeout_seconds;
  /* Requests that each association may have unanswered, if the peer grants so many. */
  unsigned window;
  long count;
  unsigned long long uid_start;
  uint32_t max_pdu;
  /* What the sink answers to each C-STORE. */
  unsigned status;
  struct tls_files tls;
};

int run_sender(const struct options *options);
int run_sink(const struct options *options);
#endif
