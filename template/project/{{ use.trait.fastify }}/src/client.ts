import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    /** Where the request comes from, as far as that can be trusted. */
    readonly clientAddress: string;
  }
}

/**
 * Reads a client's address from the header in which the platform's proxy gives
 * it, if there is one. Only its last entry is the proxy's own: what stands
 * before it came with the request, and anybody can write that.
 */
export function clientAddress(header?: string) {
  return (request: FastifyRequest): string => {
    const value = header === undefined ? undefined : request.headers[header];
    if (value === undefined) return request.ip;
    const address = String(value).split(",").at(-1)?.trim() ?? "";
    return isIP(address) === 0 ? request.ip : address;
  };
}

/** What counts as one client: of IPv6, a whole /64 is at anybody's disposal. */
export function network(address: string): string {
  if (!address.includes(":")) return address;
  // Of IPv4, as a socket of both kinds has it.
  if (address.includes(".")) return address.slice(address.lastIndexOf(":") + 1);
  const [left = [], right = []] = address
    .split("::")
    .map((part) => (part === "" ? [] : part.split(":")));
  const zeros = Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
