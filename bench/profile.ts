// Where the gas of a transaction goes, by contract and by class of opcode, from its trace (debug_traceTransaction).
import { dataLength, getBytes } from "ethers";

/** Gas by class of opcode. */
export type Profile = Record<string, number>;

interface Step {
  op: string;
  gas: number;
  gasCost: number;
  depth: number;
  stack: string[];
}

export interface Traced {
  send(method: string, parameters: unknown[]): Promise<unknown>;
}

const CLASSES: [string, RegExp][] = [
  ["SLOAD", /^SLOAD$/],
  ["SSTORE", /^SSTORE$/],
  ["calls and cold accounts", /^(CALL|STATICCALL|DELEGATECALL|EXTCODESIZE|EXTCODEHASH|BALANCE)$/],
  ["logs", /^LOG\d$/],
  ["KECCAK256", /^(KECCAK256|SHA3)$/],
  ["memory and copies", /^(MLOAD|MSTORE8?|MCOPY|MSIZE|CALLDATACOPY|CODECOPY|EXTCODECOPY|RETURNDATACOPY)$/],
  ["calldata reads", /^(CALLDATALOAD|CALLDATASIZE)$/],
  ["jumps", /^(JUMPI?|JUMPDEST|PC)$/],
  ["stack", /^(PUSH|DUP|SWAP|POP)\d*$/],
  ["arithmetic", /^(ADD|MUL|SUB|S?DIV|S?MOD|ADDMOD|MULMOD|EXP|SIGNEXTEND|S?LT|S?GT|EQ|ISZERO|AND|OR|XOR|NOT|BYTE|SHL|SHR|SAR|CLZ)$/],
];

const classOf = (op: string) => CLASSES.find(([, names]) => names.test(op))?.[0] ?? "other";
const PRECOMPILES = 0x20n;

/**
 * Gas of one mined transaction: what it pays before the first opcode, then each opcode's own gas (of a call, without what its callee
 * spends). Classes are named `<contract>: <class>`; all sum to the receipt's gas.
 * @param names contract names by lower-case address
 */
export async function profileOf(provider: Traced, hash: string, names: ReadonlyMap<string, string>): Promise<Profile> {
  const receipt = (await provider.send("eth_getTransactionReceipt", [hash])) as { gasUsed: string; to: string };
  const sent = (await provider.send("eth_getTransactionByHash", [hash])) as { input: string };
  const options = { disableMemory: true, disableStorage: true };
  const { structLogs } = (await provider.send("debug_traceTransaction", [hash, options])) as { structLogs: Step[] };
  const profile: Profile = {};
  const add = (name: string, gas: number) => (profile[name] = (profile[name] ?? 0) + gas);
  const nameOf = (address: string) => names.get(address.toLowerCase()) ?? address;
  add("transaction: base", 21_000);
  add("transaction: calldata", calldataGas(sent.input));
  // One frame per depth: whose code it is, and the call it waits for.
  const frames = [
    {
      name: nameOf(receipt.to),
      calling: undefined as { cls: string; gas: number; spent: number } | undefined,
      start: structLogs[0]?.gas ?? 0,
    },
  ];
  let traced = 0;
  structLogs.forEach((step, i) => {
    const next = structLogs[i + 1];
    const frame = frames[step.depth - 1]!;
    if (frame.calling !== undefined) {
      // Back from a callee: what is missing and the callee did not spend is the call's own.
      add(frame.calling.cls, frame.calling.gas - step.gas - frame.calling.spent);
      traced += frame.calling.gas - step.gas - frame.calling.spent;
      frame.calling = undefined;
    }
    let cls = `${frame.name}: ${classOf(step.op)}`;
    if (next !== undefined && next.depth > step.depth) {
      const place = step.op === "DELEGATECALL" ? step.depth - 1 : -1;
      const callee = `0x${step.stack.at(-2)!.replace(/^0x/, "").slice(-40).padStart(40, "0")}`;
      frame.calling = { cls, gas: step.gas, spent: 0 };
      frames[step.depth] = { name: place >= 0 ? `${nameOf(callee)} (delegate)` : nameOf(callee), calling: undefined, start: next.gas };
      return;
    }
    const ends = next === undefined || next.depth < step.depth;
    const own = ends ? step.gasCost : step.gas - next.gas;
    if (/CALL$/.test(step.op) && BigInt(`0x${step.stack.at(-2)!.replace(/^0x/, "")}`) < PRECOMPILES) cls = `${frame.name}: precompiles`;
    add(cls, own);
    traced += own;
    if (ends && step.depth > 1) frames[step.depth - 2]!.calling!.spent = frame.start - (step.gas - own);
  });
  const rest = Number(receipt.gasUsed) - 21_000 - calldataGas(sent.input) - traced;
  // Below zero where storage was cleared, above where the calldata floor of EIP-7623 binds.
  if (rest !== 0) add("transaction: refunds and calldata floor", rest);
  return profile;
}

/** Standard price: 4 gas for a zero byte, 16 for any other. */
function calldataGas(input: string): number {
  const zeros = getBytes(input).filter((byte) => byte === 0).length;
  return 4 * zeros + 16 * (dataLength(input) - zeros);
}

export function sumOf(profiles: readonly Profile[]): Profile {
  const sum: Profile = {};
  for (const profile of profiles) for (const [name, gas] of Object.entries(profile)) sum[name] = (sum[name] ?? 0) + gas;
  return sum;
}
