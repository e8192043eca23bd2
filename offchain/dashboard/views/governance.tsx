import { useContext } from "preact/hooks";
import type { Governance as GovernanceData } from "../../indexer/queries.ts";
import { NetworkContext, useIndex } from "../data.ts";
import { Events } from "../eventTable.tsx";
import { fieldName, fieldValue } from "../fields.ts";
import { Amount, Empty, Facts, Hash, Section, Show, Stranger, Table, Time, TxLink } from "../parts.tsx";

/** What governance set, where the contracts are, and what changed last. */
export function Governance() {
  const found = useIndex<GovernanceData>("/index/governance", () => false);
  const network = useContext(NetworkContext);
  return (
    <>
      <h1>Governance</h1>
      <p class="lead">Parameters are copied into a session or node when it begins: a change reaches what comes after, never what runs.</p>
      <Show of={found}>
        {({ parameters, models, proposals, changes }) => (
          <>
            <Section title="Proposals">
              {proposals.length === 0 ? (
                <Empty title="Nothing has been put to the vote" />
              ) : (
                <Table
                  label="Proposals"
                  head={["Proposed", "Text (the proposer's words)", "State", { right: "For" }, { right: "Against" }, { right: "Abstain" }]}
                >
                  {proposals.map((one) => (
                    <tr key={one.id}>
                      <td>
                        <TxLink hash={one.proposed_in}>
                          <Time at={one.proposed_at} />
                        </TxLink>
                      </td>
                      <td class="words">
                        <Stranger text={one.description} lines />
                      </td>
                      <td>
                        <span class={`status ${one.state === "executed" ? "accepted" : ""}`}>{one.state}</span>
                      </td>
                      <td class="right">
                        <Amount value={one.in_favour} digits={0} />
                      </td>
                      <td class="right">
                        <Amount value={one.against} digits={0} />
                      </td>
                      <td class="right">
                        <Amount value={one.abstain} digits={0} />
                      </td>
                    </tr>
                  ))}
                </Table>
              )}
            </Section>
            {parameters.map(({ module, value, changed_at, changed_in }) => (
              <Section
                key={module}
                title={module}
                aside={
                  <TxLink hash={changed_in}>
                    set <Time at={changed_at} />
                  </TxLink>
                }
              >
                <Facts of={Object.entries(value).map(([name, one]) => [fieldName(name), fieldValue(name, one)])} />
              </Section>
            ))}
            <Section title="Models">
              {models.length === 0 ? (
                <Empty title="No model is registered" />
              ) : (
                <Table
                  label="Models"
                  head={["Model", "File (sha256)", "Precision", { right: "Price a 1,000 tokens" }, { right: "Agreement, bits" }, "State"]}
                >
                  {models.map((model) => (
                    <tr key={model.id}>
                      <td>
                        <Stranger text={model.name} />
                      </td>
                      <td>
                        <Hash value={model.id} />
                      </td>
                      <td>
                        <Stranger text={model.quantisation} />
                      </td>
                      <td class="right">
                        <Amount value={model.price} />
                      </td>
                      <td class="right">{model.agreement}</td>
                      <td>{model.deprecated ? "deprecated" : "current"}</td>
                    </tr>
                  ))}
                </Table>
              )}
            </Section>
            <Section title="Contracts">
              <Facts of={Object.entries(network?.addresses ?? {}).map(([name, address]) => [name, <Hash key={name} value={address} />])} />
            </Section>
            <Events of="many things" title="Last changes" events={changes} />
          </>
        )}
      </Show>
    </>
  );
}
