/* loadgen: sends synthetic instances as fast as the peer takes them, or swallows them. See usage below. */
#define _GNU_SOURCE
#include "dicom.h"
#include "load.h"
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const char usage[] =
    "loadgen --port P --file DATASET --placeholder UID --sop-class UID --transfer-syntax UID --count N\n"
    "        [--host 127.0.0.1] [--associations 1] [--window 1] [--uid-start 0] [--called ANY] [--calling LOADGEN] [--max-pdu 131072]\n"
    "        [--timeout SECONDS] [--tls --ca PEM --cert PEM --key PEM [--tls-version 1.2 --ciphers LIST] [--ciphersuites TLS13_LIST]]\n"
    "    sends the bare data set N times; the last 12 digits of the placeholder UID, which stands in the data set as the\n"
    "    SOP Instance UID, are replaced by a counter. Prints one line of JSON.\n"
    "loadgen --sink [--port P] [--status A700] [--tls ...]   accepts and throws away; prints {\"listening\":P}\n"
    "loadgen --touch BYTES                   makes so much free memory warm, and ends\n";

enum { HOST = 256, PORT, FILE_NAME, PLACEHOLDER, SOP_CLASS, TRANSFER_SYNTAX, COUNT, ASSOCIATIONS, UID_START, CALLED, CALLING, WINDOW,
       PDU_LENGTH, TIMEOUT, TLS, CA, CERT, KEY, TLS_VERSION, CIPHERS, CIPHERSUITES, SINK, STATUS, TOUCH };

static const struct option names[] = {
    {"host", 1, 0, HOST},         {"port", 1, 0, PORT},           {"file", 1, 0, FILE_NAME},
    {"count", 1, 0, COUNT},       {"sop-class", 1, 0, SOP_CLASS}, {"transfer-syntax", 1, 0, TRANSFER_SYNTAX},
    {"called", 1, 0, CALLED},     {"calling", 1, 0, CALLING},     {"associations", 1, 0, ASSOCIATIONS},
    {"max-pdu", 1, 0, PDU_LENGTH}, {"timeout", 1, 0, TIMEOUT},    {"placeholder", 1, 0, PLACEHOLDER},
    {"tls", 0, 0, TLS},           {"ca", 1, 0, CA},               {"uid-start", 1, 0, UID_START},
    {"cert", 1, 0, CERT},         {"key", 1, 0, KEY},             {"tls-version", 1, 0, TLS_VERSION},
    {"ciphers", 1, 0, CIPHERS},   {"sink", 0, 0, SINK},           {"touch", 1, 0, TOUCH},
    {"ciphersuites", 1, 0, CIPHERSUITES}, {"status", 1, 0, STATUS},       {"window", 1, 0, WINDOW},
    {0, 0, 0, 0}};

static int wrong(void) {
  fputs(usage, stderr);
  return 2;
}

/* A virtual machine may have to fetch a page from its host at the first touch; afterwards it is on our free list. */
static int touch(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return 1;
  memset(memory, 1, bytes);
  munmap(memory, bytes);
  return 0;
}

int main(int argc, char **argv) {
  struct options o = {.host = "127.0.0.1", .called = "ANY", .calling = "LOADGEN", .associations = 1, .window = 1, .timeout_seconds = 120, .max_pdu = MAX_PDU};
  bool sink = false;
  for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    switch (option) {
      case HOST: o.host = optarg; break;
      case PORT: o.port = atoi(optarg); break;
      case FILE_NAME: o.file = optarg; break;
      case PLACEHOLDER: o.placeholder = optarg; break;
      case SOP_CLASS: o.sop_class = optarg; break;
      case TRANSFER_SYNTAX: o.transfer_syntax = optarg; break;
      case COUNT: o.count = atol(optarg); break;
      case ASSOCIATIONS: o.associations = atoi(optarg); break;
      case WINDOW: o.window = (unsigned)atoi(optarg); break;
      case UID_START: o.uid_start = strtoull(optarg, NULL, 10); break;
      case CALLED: o.called = optarg; break;
      case CALLING: o.calling = optarg; break;
      case PDU_LENGTH: o.max_pdu = (uint32_t)atol(optarg); break;
      case TIMEOUT: o.timeout_seconds = atoi(optarg); break;
      case TLS: o.tls.enabled = true; break;
      case CA: o.tls.ca = optarg; break;
      case CERT: o.tls.cert = optarg; break;
      case KEY: o.tls.key = optarg; break;
      case TLS_VERSION: o.tls.version = optarg; break;
      case CIPHERS: o.tls.ciphers = optarg; break;
      case CIPHERSUITES: o.tls.ciphersuites = optarg; break;
      case SINK: sink = true; break;
      case STATUS: o.status = (unsigned)strtoul(optarg, NULL, 16); break;
      case TOUCH: return touch(strtoull(optarg, NULL, 10));
      default: return wrong();
    }
  }
  signal(SIGPIPE, SIG_IGN);
  if (sink) return run_sink(&o);
  if (!o.port || !o.file || !o.placeholder || !o.sop_class || !o.transfer_syntax || o.count < 1 || o.associations < 1 || o.max_pdu < 1024 ||
      o.window < 1 || o.window > MAX_WINDOW) {
    return wrong();
  }
  return run_sender(&o);
}
