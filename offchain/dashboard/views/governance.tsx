import { useContext } from "preact/hooks";
import type { Governance as GovernanceData } from "../../indexer/queries.ts";
import { NetworkContext, useIndex } from "../data.ts";
import { cor, count, seconds, visible } from "../format.ts";
import { Amount, Empty, Facts, Hash, Section, Show, Stranger, Table, Time, TxLink } from "../parts.tsx";

const AMOUNTS = new Set(["minStake", "unopenedPenalty", "fraudPenalty", "assignmentLock", "dailyCap", "leaseRate", "validatorPrice"]);
const DURATIONS = new Set(["thaw", "jail"]);

function shown(name: string, value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = visible(String(value));
  if (AMOUNTS.has(name)) return `${cor(text)} COR`;
  if (name === "bounty") return `${cor(BigInt(text) * 10n ** 12n)} COR`;
  if (DURATIONS.has(name)) return seconds(Number(text));
  if (name.endsWith("Bps")) return `${Number(text) / 100}%`;
  return text;
}

const words = (name: string) => name.replace(/Bps$/, "").replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);

/** What governance set, where the contracts are, and what changed last. */
export function Governance() {
  const found = useIndex<GovernanceData>("/index/governance", () => false);
  const network = useContext(NetworkContext);
  return (
    <>
      <h1>Governance</h1>
      <p class="lead">Parameters are copied into a session or node when it begins: a change reaches what comes after, never what runs.</p>
      <Show of={found}>
        {({ parameters, models, proposals, images, changes }) => (
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
                <Facts of={Object.entries(value).map(([name, one]) => [words(name), shown(name, one)])} />
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
            <Section title="Node images">
              {images.length === 0 ? (
                <Empty title="No image is published">Publishers register the digests of node builds; nodes declare which they run.</Empty>
              ) : (
                <Table
                  label="Node images"
                  head={[
                    "Image",
                    "Publisher",
                    "Source (their own words)",
                    { right: "Nodes" },
                    { right: "Mean reputation" },
                    { right: "Accepted" },
                    { right: "Outliers" },
                  ]}
                >
                  {images.map((image) => (
                    <tr key={image.id}>
                      <td>
                        <Hash value={image.id} />
                      </td>
                      <td>
                        <Hash value={image.publisher} />
                      </td>
                      <td class="clip">
                        <Stranger text={image.source} />
                      </td>
                      <td class="right">{count(image.nodes)}</td>
                      <td class="right">{image.score === null ? "–" : count(Math.round(image.score))}</td>
                      <td class="right">{count(image.accepted)}</td>
                      <td class="right">{count(image.outliers)}</td>
                    </tr>
                  ))}
                </Table>
              )}
            </Section>
            <Section title="Contracts">
              <Facts of={Object.entries(network?.addresses ?? {}).map(([name, address]) => [name, <Hash key={name} value={address} />])} />
            </Section>
            <Section title="Last changes">
              <Table label="Last changes" head={["Contract", "Event", { right: "Block" }, "Time", "Transaction"]}>
                {changes.map((event) => (
                  <tr key={`${event.block} ${event.log_index}`}>
                    <td>{event.module}</td>
                    <td>{event.name}</td>
                    <td class="right">{count(event.block)}</td>
                    <td>
                      <Time at={event.time} />
                    </td>
                    <td>
                      <TxLink hash={event.transaction_hash} />
                    </td>
                  </tr>
                ))}
              </Table>
            </Section>
          </>
        )}
      </Show>
    </>
  );
}
