import type { Command } from "commander";
import { subcommandAt } from "./command-tree.ts";

const SETTINGS = "Settings come from the environment and from a file .env, see .env.example.";
const EXIT_CODES = `Exit codes:
  0   done
  1   failed, or something was refused
  2   the command was not understood
  78  settings or rules are wrong`;

/** A line of what it does, and the command. */
type Example = readonly [what: string, command: string];

/** Examples by the path of the command. A group has those of its commands that people begin with. */
const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  "": [
    ["see the whole job on this machine", "relay demo"],
    ["set it up, question by question", "relay init"],
    ["run it", "relay start"],
    ["what became of a file", "relay events show contract.pdf"],
    ["ask a relay that runs elsewhere", "RELAY_TOKEN=… relay runs list --url https://relay.example.com"],
  ],
  init: [
    ["question by question", "relay init"],
    [
      "from a script, keys in variables",
      "relay init --yes --fastio-key-from FASTIO_KEY --dify-key-from DIFY_KEY --workspace Legal --folder /Inbox",
    ],
    ["look at what would be written", "relay init --dry-run"],
    [
      "against the emulators",
      "FASTIO_API_URL=http://127.0.0.1:8788/current DIFY_API_URL=http://127.0.0.1:8789/v1 relay init",
    ],
  ],
  doctor: [
    ["look at everything", "relay doctor"],
    ["also start one workflow run per app", "relay doctor --run"],
    ["only what is wrong, for a script", "relay doctor --json | jq '.checks[] | select(.status != \"ok\")'"],
  ],
  "doctor dify-storage": [
    [
      "with Dify's own settings",
      "relay doctor dify-storage --dify-env ~/dify/docker/.env --origin https://dify.example.com",
    ],
  ],
  demo: [
    ["with your own files, and leave", "relay demo --once --files a.pdf b.csv"],
    ["with Redis and PostgreSQL", "relay demo --redis redis://localhost:6379 --database postgres://localhost/empty"],
  ],
  start: [
    ["receiver, pages and workers", "relay start"],
    ["with the log as lines of JSON, in a terminal as well", "LOG_FORMAT=json relay start"],
  ],
  receive: [["deliveries and pages alone; workers run elsewhere", "relay receive"]],
  work: [
    ["all queues", "relay work"],
    ["the queues with long work, on a machine of their own", "relay work --queues runs,shares"],
    ["with /healthz, /readyz and /metrics to ask for its health", "METRICS_PORT=9464 relay work"],
  ],
  "emulate fastio": [["on a fixed port", "relay emulate fastio --port 8788"]],
  "emulate dify": [["a Dify before 1.13", "relay emulate dify --profile P1"]],
  runs: [
    ["what failed", "relay runs list --status failed"],
    ["what goes on right now", "relay runs tail"],
  ],
  "runs list": [
    ["by part of a file name, what failed today", "relay runs list contract --status failed --since 24h"],
    ["the last ten as JSON", "relay runs list --limit 10 --json"],
  ],
  "runs show": [["one run with all that is known", "relay runs show 3kx0c9…"]],
  "runs tail": [
    ["what goes wrong, as it does", "relay runs tail --status failed,paused,held"],
    ["from another machine", "RELAY_TOKEN=… relay runs tail --url https://relay.example.com"],
    ["into a file, one object a line", "relay runs tail --json --lines 0 >> runs.jsonl"],
  ],
  "runs replay": [
    ["once the cause is mended", "relay runs replay 3kx0c9…"],
    [
      "all that failed this week: first look, then do it",
      "relay runs replay --rule summarise --status failed --since 7d --dry-run",
    ],
    [
      "… thirty a minute",
      'relay runs replay --rule summarise --status failed --since 7d --rate 30/m --yes --reason "the prompt is mended"',
    ],
    ["exactly as it was", 'relay runs replay 3kx0c9… --same-version --reason "to compare"'],
  ],
  "runs release": [["a few, before the others", "relay runs release 3kx0c9… 8ab2f1…"]],
  "runs cancel": [["several, with the reason", 'relay runs cancel 3kx0c9… 8ab2f1… --reason "wrong folder"']],
  "runs look-again": [["after Dify was restored", "relay runs look-again 3kx0c9…"]],
  "runs answer": [
    ["what it asks", "relay runs answer 3kx0c9…"],
    ["answer it", "relay runs answer 3kx0c9… --action approve --input comment=fine"],
  ],
  "events show": [
    ["by the name of the file", "relay events show contract.pdf"],
    ["by its node", "relay events show 2ndsi-usktv-w5phj-uddpc-xz33r-e47h"],
  ],
  rules: [
    ["is the file right?", "relay rules check --live"],
    ["what would it have done last week?", "relay rules backtest --since 7d"],
  ],
  alerts: [
    ["what is wrong", "relay alerts"],
    ["and what was", "relay alerts --all"],
  ],
  "rules list": [["state and use of today", "relay rules list"]],
  "rules check": [["also against Dify's apps", "relay rules check --live"]],
  "rules backtest": [["one rule, on a week", "relay rules backtest --rule summarise-contracts --since 7d"]],
  "rules schema": [["for editors", "relay rules schema > relay.schema.json"]],
  "rules pause": [["hold its runs", 'relay rules pause summarise-contracts --reason "the prompt is being changed"']],
  "rules resume": [["let them go on", "relay rules resume summarise-contracts"]],
  "rules release": [["after a flood was looked at", "relay rules release summarise-contracts"]],
  bulk: [["what was done to many runs", "relay bulk list"]],
  "bulk list": [["the last five", "relay bulk list --limit 5"]],
  "bulk show": [["how far it is", "relay bulk show 0d5c1f6e-8a44-4d0c-9a0e-6c1f0d7d2b11"]],
  "bulk abort": [["stop it", 'relay bulk abort 0d5c1f6e-8a44-4d0c-9a0e-6c1f0d7d2b11 --reason "wrong rule"']],
  apps: [["which there are, and what waits for each", "relay apps list"]],
  "apps list": [["as JSON", "relay apps list --json"]],
  "apps pause": [["leave Dify alone for a while", 'relay apps pause DIFY_API_KEY --reason "Dify is being upgraded"']],
  "apps resume": [["let it go on", "relay apps resume DIFY_API_KEY"]],
  "shares list": [["links that have ended", "relay shares list --expired"]],
  "shares show": [["who opened it", "relay shares show 3kx0c9…"]],
  "shares revoke": [["close it at once", 'relay shares revoke 3kx0c9… --reason "sent to the wrong person"']],
  "audit export": [["who opened what in a month", "relay audit export --since 30d --output accesses.csv"]],
  "transfer create": [["offer an organisation", "relay transfer create --org acme"]],
  "transfer list": [["open offers", "relay transfer list"]],
  "transfer delete": [["take one back", "relay transfer delete 4117763504443666002"]],
  "transfer claim-link": [["of a delivered run", "relay transfer claim-link 3kx0c9…"]],
  "catch-up": [
    ["find what was missed since yesterday", "relay catch-up --since 1d"],
    ["only tell what came by which way", "relay catch-up --report"],
  ],
  "workspaces list": [["ids and names that rules can use", "relay workspaces list"]],
  "webhooks list": [["of the workspaces the rules name", "relay webhooks list"]],
  "webhooks register": [
    [
      "keep the secret in a file",
      "relay webhooks register --url https://relay.example.com/webhooks/fastio --secret-file secrets",
    ],
  ],
  "webhooks test": [["have Fast.io send one", "relay webhooks test 5000000000000000001"]],
  "webhooks rotate": [["without a restart", "relay webhooks rotate 5000000000000000001 --secret-file secrets"]],
  "webhooks delete": [["no more deliveries", "relay webhooks delete 5000000000000000001"]],
  trigger: [
    ["does the relay take what is signed with my secret?", "relay trigger"],
    [
      "start a real run and follow it",
      "relay trigger --node 2ndsi-usktv-w5phj-uddpc-xz33r-e47h --workspace Legal --wait",
    ],
    ["see a forged one refused", "relay trigger --tamper signature"],
    ["the shapes and schemes there are", "relay trigger --list"],
  ],
  "tools openapi": [["to import into Dify", "PUBLIC_URL=https://relay.example.com relay tools openapi > tools.json"]],
  "api openapi": [["to make a client of", "relay api openapi > relay-api.json"]],
  "completion bash": [["for this shell", 'eval "$(relay completion bash)"']],
  "completion zsh": [["for this shell", 'eval "$(relay completion zsh)"']],
  "completion fish": [["for good", "relay completion fish > ~/.config/fish/completions/relay.fish"]],
};

/** Paths with examples; a test compares them with the commands there are. */
export const EXAMPLE_PATHS: readonly string[] = Object.keys(EXAMPLES);

/** Puts examples below the help of each command, and what is true of all below that of the program. */
export function addHelp(program: Command): void {
  for (const [path, examples] of Object.entries(EXAMPLES)) {
    const lines = examples.flatMap(([what, command]) => [`  # ${what}`, `  $ ${command}`]);
    const isProgram = path === "";
    const command = isProgram ? program : subcommandAt(program, path.split(" "));
    const more = isProgram ? `\n\n${EXIT_CODES}\n\n${SETTINGS}` : "";
    command.addHelpText("after", `\nExamples:\n${lines.join("\n")}${more}`);
  }
}
