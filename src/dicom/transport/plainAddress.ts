/** IPv4 callers of an IPv6 socket come as `::ffff:a.b.c.d` (RFC 4291 2.5.5.2): as `a.b.c.d` they are looked for. Others as they are. */
export const plainAddress = (address: string) => address.replace(/^::ffff:(?=\d+\.)/, '');
