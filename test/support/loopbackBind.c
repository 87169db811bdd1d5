/*
 * Preloaded into servers that can only listen on every address (DCMTK's storescp, Orthanc), so that tests and
 * measurements open nothing to the network: "any address" becomes 127.0.0.1.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr *address, socklen_t length) {
  static int (*next)(int, const struct sockaddr *, socklen_t);
  if (!next) next = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
  struct sockaddr_in6 copy;
  if (length > sizeof copy || length < sizeof(struct sockaddr_in)) return next(fd, address, length);
  memcpy(&copy, address, length);
  struct sockaddr_in *v4 = (struct sockaddr_in *)&copy;
  if (address->sa_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY)) {
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else if (address->sa_family == AF_INET6 && memcmp(&copy.sin6_addr, &in6addr_any, sizeof in6addr_any) == 0) {
    copy.sin6_addr = in6addr_loopback;
  }
  return next(fd, (struct sockaddr *)&copy, length);
}
