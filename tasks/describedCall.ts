import { type Interface, type ParamType, Result } from "ethers";
import type { Report } from "./output.ts";

/** A call's arguments by name and, where it returned something, what. */
export function describedCall(abi: Interface, method: string, data: string, returned: string): Report {
  const { inputs, outputs } = abi.getFunction(method)!;
  const results = outputs.length === 0 ? {} : { returns: named(outputs, abi.decodeFunctionResult(method, returned)) };
  return { arguments: named(inputs, abi.decodeFunctionData(method, data)), ...results };
}

/** A constructor's arguments by name. */
export const describedCreation = (abi: Interface, args: unknown[]): Report => ({
  arguments: Object.fromEntries(abi.deploy.inputs.map(({ name }, i) => [name || String(i), args[i]])),
});

function named(types: readonly ParamType[], values: Result): Report {
  return Object.fromEntries(types.map((type, i) => [type.name || String(i), value(type, values[i])]));
}

function value(type: ParamType, found: unknown): unknown {
  if (!(found instanceof Result)) return found;
  if (type.isArray()) return Array.from(found, (held: unknown) => value(type.arrayChildren, held));
  return named(type.components ?? [], found);
}
