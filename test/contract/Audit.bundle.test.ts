import { expect } from "chai";
import type { Endpoint } from "../../offchain/chain/endpoint.ts";
import { digestOf } from "../../offchain/content/contentId.ts";
import { type AuditBundle, exportBundle, verifyBundle } from "../../offchain/sdk/audit.ts";
import { agreeing, differing, type Network, startNetwork } from "./network.ts";

describe("An audit bundle", () => {
  let net: Network;
  let endpoint: Endpoint;
  let bundle: AuditBundle;
  const answer = new TextEncoder().encode("an answer");

  before(async () => {
    net = await startNetwork({ nodes: 5, redundancy: 3, leaseNodes: 5 });
    endpoint = { provider: net.ethers.provider, chainId: net.domain.chainId, url: "test", close: () => {} } as unknown as Endpoint;
    const task = await net.submit(2);
    await net.commitCarried(task, (seat) =>
      seat === 2 ? differing(2, seat, 200) : agreeing(2).map((one, i) => (i === 0 ? { ...one, digest: digestOf(answer) } : one)),
    );
    await net.networkHelpers.mine(2);
    await net.modules.SessionQueue.reveal(net.handover(task));
    const contentOf = async (digest: string) => (digest === digestOf(answer) ? answer : undefined);
    bundle = await exportBundle(task.id, { endpoint, deployment: { addresses: net.record.addresses, blockNumber: 0 }, contentOf });
  });
  after(async () => await net.close());

  const differs = async (change: (copy: AuditBundle) => void) => {
    const copy = structuredClone(bundle);
    change(copy);
    const { ok, checks } = await verifyBundle(copy, endpoint);
    return { ok, names: checks.filter((one) => !one.ok).map(({ name }) => name), details: checks.map(({ detail }) => detail).join("\n") };
  };

  it("holds the task, and verifies against the chain", async () => {
    expect(bundle.findings.status).to.equal("Accepted");
    expect(bundle.findings.distances).to.have.length(3);
    expect(bundle.findings.seats.map(({ accepted }) => accepted)).to.deep.equal([2, 2, 0]);
    expect(bundle.calls).to.have.length(1);
    expect(await differs(() => undefined)).to.include({ ok: true });
  });

  it("verifies as well after it was written to JSON and read again", async () => {
    expect((await verifyBundle(JSON.parse(JSON.stringify(bundle)) as AuditBundle, endpoint)).ok).to.equal(true);
  });

  const TAMPERED: [what: string, name: string, change: (copy: AuditBundle) => void][] = [
    ["another chain", "chain", (copy) => (copy.chainId = "1")],
    ["an event's data", "events", (copy) => (copy.logs[0]!.data = copy.logs[0]!.data.replace(/.$/, (last) => (last === "0" ? "1" : "0")))],
    ["an event left out", "events", (copy) => copy.logs.splice(1, 1)],
    ["an event too many", "events", (copy) => copy.logs.push(copy.logs[0]!)],
    ["another transaction", "events", (copy) => (copy.logs[1]!.transaction = `0x${"12".repeat(32)}`)],
    ["another lease", "lease", (copy) => (copy.lease!.log.data = "0x")],
    ["another deciding block", "draw", (copy) => (copy.decidedBy!.hash = `0x${"34".repeat(32)}`)],
    ["calldata", "calls", (copy) => (copy.calls[0]!.input = `${copy.calls[0]!.input}00`)],
    ["the record", "record", (copy) => (copy.record.value = `0x02${"56".repeat(31)}`)],
    ["a content's bytes", "contents", (copy) => (copy.contents[digestOf(answer)] = btoa("another answer"))],
    ["what was charged", "findings", (copy) => (copy.findings.charged = "1")],
    ["a distance", "findings", (copy) => (copy.findings.distances[0]![1] = 7)],
    ["a seat's pay", "findings", (copy) => (copy.findings.seats[0]!.net = "9")],
    ["the committee", "findings", (copy) => copy.findings.committee.reverse()],
    ["the form", "format", (copy) => (copy.version = 9)],
  ];
  for (const [what, name, change] of TAMPERED)
    it(`with ${what} changed fails, and names ${name}`, async () => {
      const found = await differs(change);
      expect(found.ok).to.equal(false);
      expect(found.names, found.details).to.include(name);
    });

  it("of a task that the chain does not know is refused", async () => {
    const options = { endpoint, deployment: { addresses: net.record.addresses, blockNumber: 0 }, contentOf: async () => undefined };
    const error = await exportBundle(99n, options).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error?.message).to.match(/found no task 99/);
  });
});
