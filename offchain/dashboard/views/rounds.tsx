import { useContext } from "preact/hooks";
import { NetworkContext } from "../data.ts";
import { Empty } from "../parts.tsx";

/** Network work: rounds as virtual blocks. */
export function Rounds() {
  const network = useContext(NetworkContext);
  const deployed = network?.addresses["PoUW"] !== undefined;
  return (
    <>
      <h1>Rounds</h1>
      <p class="lead">
        In a round, idle nodes prove that they are alive and capable: topics are made, questions asked, answers committed, opened and
        scored.
      </p>
      <Empty title={deployed ? "No round has been opened yet" : "This deployment has no network rounds"}>
        {deployed
          ? "The first appears here when a node claims it."
          : "Its contracts serve users' tasks alone; reputation and levels come from those."}
      </Empty>
    </>
  );
}
