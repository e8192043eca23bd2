/** URL has made every spelling of an IPv4 address into this one. */
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/** Private, local and otherwise special IPv4 ranges, as [first address, prefix length]. */
const SPECIAL: [string, number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
];

/**
 * An announced endpoint as a base URL without a trailing slash, or undefined where it must not be called. Announcements are strangers' text: only
 * plain http(s) passes, and addresses inside the operator's own network only where `local` (a local chain) says so.
 */
export function usableEndpoint(text: string, local: boolean): string | undefined {
  const url = text.length <= 256 ? URL.parse(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) return undefined;
  if (!local && isInside(url.hostname)) return undefined;
  return url.href.replace(/\/+$/, "");
}

function isInside(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (IPV4.test(host)) return SPECIAL.some(([first, bits]) => number(host) >>> (32 - bits) === number(first) >>> (32 - bits));
  // Of IPv6, global unicast (2000::/3) is the only part that is somebody else's for certain.
  if (host.includes(":")) return !/^[23]/.test(host);
  return !host.includes(".") || /(^|\.)(localhost|local|internal|home\.arpa)\.?$/.test(host);
}

const number = (address: string) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
