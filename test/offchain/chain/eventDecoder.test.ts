import { randomBytes, randomInt } from "node:crypto";
import { expect } from "chai";
import { EventFragment, getAddress, hexlify, type ParamType, type Result } from "ethers";
import { interfaces, MODULE_NAMES } from "../../../offchain/chain/abis.ts";
import { decodeLog } from "../../../offchain/chain/cursor.ts";
import { eventDecoder } from "../../../offchain/chain/eventDecoder.ts";

const ROUNDS = 20;
const PLACE = { blockNumber: 1, blockHash: "0x01", logIndex: 0, transactionHash: "0x02" };
const TEXTS = ["", "a", "http://node.example:9420", "Ω≈ç√∫ 漢字 🙂", "\u0000\u202e", "x".repeat(200)];

/** A value that a parameter may have: now and then the least or the greatest. */
function valueOf({ baseType, type, components, arrayChildren }: ParamType): unknown {
  if (baseType === "tuple") return components!.map(valueOf);
  if (baseType === "array") return Array.from({ length: randomInt(4) }, () => valueOf(arrayChildren!));
  if (type === "address") return getAddress(hexlify(randomBytes(20)));
  if (type === "bool") return randomInt(2) === 1;
  if (type === "string") return TEXTS[randomInt(TEXTS.length)];
  if (type === "bytes") return hexlify(randomBytes(randomInt(100)));
  const bits = Number(/^uint(\d+)$/.exec(type)?.[1] ?? 0);
  if (bits === 0) return hexlify(randomBytes(Number(type.slice("bytes".length))));
  const any = BigInt(hexlify(randomBytes(bits / 8)));
  return [0n, 1n, 2n ** BigInt(bits) - 1n, any, any >> BigInt(randomInt(bits))][randomInt(5)];
}

/** What ethers decoded, as plain objects and lists. */
function plain(value: unknown, { baseType, components, arrayChildren }: ParamType): unknown {
  if (baseType === "array") return Array.from(value as Result, (one) => plain(one, arrayChildren!));
  if (baseType !== "tuple") return value;
  return Object.fromEntries(components!.map((part, i) => [part.name, plain((value as Result)[i], part)]));
}

const eventsOf = () =>
  MODULE_NAMES.flatMap((module) => interfaces[module].fragments.filter(EventFragment.isFragment).map((event) => ({ module, event })));

describe("The decoder of events", () => {
  it("reads every event of every contract as ethers does, whatever its arguments, its names in their order", () => {
    expect(eventsOf().length).to.be.greaterThan(150);
    for (const { module, event } of eventsOf())
      for (let round = 0; round < ROUNDS; round++) {
        const { topics, data } = interfaces[module].encodeEventLog(event, event.inputs.map(valueOf));
        const wanted = interfaces[module].decodeEventLog(event, data, topics);
        const found = decodeLog({ module, ...PLACE, topics, data });
        const what = `${module}.${event.name} ${data}`;
        expect(found?.name, what).to.equal(event.name);
        expect(Object.keys(found!.args), what).to.deep.equal(event.inputs.map(({ name }) => name));
        expect(found!.args.toObject(), what).to.deep.equal(
          Object.fromEntries(event.inputs.map((part, i) => [part.name, plain(wanted[i], part)])),
        );
        for (const { name } of event.inputs) expect(found!.args.getValue(name), what).to.equal(found!.args[name]);
      }
  });

  it("refuses data that is cut off anywhere, as ethers does", () => {
    for (const { module, event } of eventsOf()) {
      const { topics, data } = interfaces[module].encodeEventLog(event, event.inputs.map(valueOf));
      for (let bytes = 0; 2 + 2 * bytes < data.length; bytes += 32) {
        const short = data.slice(0, 2 + 2 * bytes);
        const attempt = (read: () => unknown) => {
          try {
            read();
            return "read";
          } catch {
            return "refused";
          }
        };
        const byEthers = attempt(() => JSON.stringify(plainAll(interfaces[module].decodeEventLog(event, short, topics), event)));
        expect(
          attempt(() => decodeLog({ module, ...PLACE, topics, data: short })),
          `${module}.${event.name} ${short}`,
        ).to.equal(byEthers);
      }
    }
  });

  it("refuses offsets and lengths that point outside, and an address of more than 20 bytes", () => {
    const { topics, data } = interfaces.NodePool.encodeEventLog("EndpointChanged", [1, "abcd"]);
    const word = (at: number, value: string) => `${data.slice(0, 2 + 64 * at)}${value.padStart(64, "0")}${data.slice(66 + 64 * at)}`;
    const read = (text: string) => () => decodeLog({ module: "NodePool", ...PLACE, topics, data: text });
    for (const value of ["f".repeat(64), "1000", "1".padEnd(20, "0")]) {
      expect(read(word(0, value)), `offset ${value}`).to.throw(/wanted/);
      expect(read(word(1, value)), `length ${value}`).to.throw(/wanted/);
    }
    const paid = interfaces.COR.encodeEventLog("Transfer", [getAddress(`0x${"11".repeat(20)}`), getAddress(`0x${"22".repeat(20)}`), 1]);
    const long = [paid.topics[0]!, `0x01${paid.topics[1]!.slice(4)}`, paid.topics[2]!];
    expect(() => decodeLog({ module: "COR", ...PLACE, topics: long, data: paid.data })).to.throw(/wanted an address of 20 bytes/);
  });

  it("reads text that is not UTF-8, which anybody may announce, with replacement characters", () => {
    const { topics, data } = interfaces.NodePool.encodeEventLog("EndpointChanged", [1, "abcd"]);
    const found = decodeLog({ module: "NodePool", ...PLACE, topics, data: data.replace("61626364", "61ff63c3") });
    expect(found?.args.getValue("endpoint")).to.equal("a\ufffdc\ufffd");
  });

  it("refuses to be made for a parameter without a name or of a type that it does not read", () => {
    expect(() => eventDecoder(EventFragment.from("event A(uint256)"))).to.throw(/wanted a name/);
    expect(() => eventDecoder(EventFragment.from("event A(string indexed a)"))).to.throw(/one word where it is indexed/);
    expect(() => eventDecoder(EventFragment.from("event A(int8 a)"))).to.throw(/type int8/);
  });
});

const plainAll = (found: Result, event: EventFragment) =>
  event.inputs.map((part, i) =>
    JSON.stringify(plain(found[i], part), (_name, one: unknown) => (typeof one === "bigint" ? String(one) : one)),
  );
