import { type Command, InvalidArgumentError, Option } from "commander";
import { subcommandAt } from "./command-tree.ts";

/** The commands that can ask a running relay, by their path; a group stands for all of its commands. */
const ASKING = [
  "runs",
  "events",
  "bulk",
  "rules list",
  "rules backtest",
  "rules pause",
  "rules resume",
  "rules release",
  "alerts",
  "apps",
  "shares",
  "audit",
  "transfer claim-link",
  "catch-up",
  "trigger",
];

/** Gives `--url` to each command that can ask a running relay. @param choose is told the address */
export function addRelayOption(program: Command, choose: (url: string) => void): void {
  for (const path of ASKING) {
    const command = subcommandAt(program, path.split(" "));
    const asking = command.commands.length > 0 ? command.commands : [command];
    // The one that needs a relay: a ledger takes no delivery.
    const otherwise = path === "trigger" ? "the one at HOST and PORT" : "the ledger itself";
    for (const one of asking) {
      one.addOption(
        new Option("--url <address>", `the running relay to ask; default: RELAY_URL, else ${otherwise}`).argParser(
          (text) => {
            if (!/^https?:\/\//.test(text) || !URL.canParse(text))
              throw new InvalidArgumentError("must be an address such as https://relay.example.com.");
            choose(text);
            // It is no option of the command itself, which may take all of its options for filters.
            return undefined;
          },
        ),
      );
    }
  }
}
