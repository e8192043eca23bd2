import { expect } from "chai";
import { usableEndpoint } from "../../../offchain/content/endpoints.ts";

describe("announced endpoints", () => {
  it("takes plain http(s) addresses, without a trailing slash", () => {
    expect(usableEndpoint("https://router.example/", false)).to.equal("https://router.example");
    expect(usableEndpoint("http://93.184.216.34:8080/base/", false)).to.equal("http://93.184.216.34:8080/base");
    expect(usableEndpoint("http://[2606:2800:220:1::1]", false)).to.equal("http://[2606:2800:220:1::1]");
  });

  const never = [
    "",
    "file:///etc/passwd",
    "ftp://a.example",
    "javascript:alert(1)",
    "http://u:p@a.example",
    "http://a.example?x",
    "http://a.example#x",
  ];
  for (const text of [...never, "no address", `http://${"a".repeat(300)}.example`]) {
    it(`4b malicious metadata: never calls ${JSON.stringify(text.slice(0, 40))}`, () => {
      expect(usableEndpoint(text, true)).to.equal(undefined);
      expect(usableEndpoint(text, false)).to.equal(undefined);
    });
  }

  const inside = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
  ];
  const inside6 = ["[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]"];
  const names = ["localhost", "a.localhost", "printer.local", "db.internal", "intranet", "127.1", "0x7f000001", "2130706433"];
  for (const host of [...inside, ...inside6, ...names]) {
    it(`calls http://${host} on a local chain only`, () => {
      expect(usableEndpoint(`http://${host}:80/`, true)).to.be.a("string");
      expect(usableEndpoint(`http://${host}:80/`, false)).to.equal(undefined);
    });
  }

  it("knows where special ranges end", () => {
    for (const host of ["172.15.0.1", "172.32.0.1", "11.0.0.1", "100.128.0.1", "223.255.255.255"])
      expect(usableEndpoint(`http://${host}`, false), host).to.be.a("string");
  });
});
