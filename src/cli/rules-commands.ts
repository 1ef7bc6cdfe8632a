import { type Command, Option } from "commander";
import type { CliContext, ExitCode } from "./context.ts";
import { parseSpan } from "./parse-options.ts";

const WHY = "why; it is written down";

/** Commands about the rules file, and what it holds. */
export function addRulesCommands(
  program: Command,
  context: CliContext,
  end: (result: ExitCode | Promise<ExitCode>) => Promise<void>,
): void {
  const rules = program.command("rules").description("the rules file");
  rules
    .command("list")
    .description("each rule with its state, and what it used today of what it may")
    .option("--json", "as JSON", false)
    .action((options: { json: boolean }) =>
      end(import("./list-rules.ts").then(({ listRules }) => listRules(context, options))),
    );
  rules
    .command("check")
    .description("read the rules file and tell every fault with its line")
    .argument("[file]", "default: RELAY_CONFIG")
    .option("--live", "also ask Dify whether the inputs fit its apps", false)
    .option("--json", "as JSON", false)
    .action((file: string | undefined, { json, live }: { json: boolean; live: boolean }) =>
      end(
        import("./check-rules.ts").then(({ checkRules }) =>
          checkRules(context, { json, live, ...(file === undefined ? {} : { file }) }),
        ),
      ),
    );
  rules
    .command("backtest")
    .description("what the rules would have made of past events: what ran, what would be new, what not and why")
    .addOption(
      new Option("--since <duration>", "how far back, such as 12h or 30d")
        .default(2_592_000_000, "30d")
        .argParser(parseSpan),
    )
    .option("--rule <name>", "this rule alone")
    .option("--json", "as JSON, with every file", false)
    .action((options: { since: number; rule?: string; json: boolean }) =>
      end(import("./backtest-rules.ts").then(({ backtestRules }) => backtestRules(context, options))),
    );
  rules
    .command("schema")
    .description("print the JSON Schema of the rules file, for editors")
    .action(() =>
      end(
        import("../rules/json-schema.ts").then(({ printJsonSchema }) => {
          context.write(printJsonSchema());
          return 0;
        }),
      ),
    );
  program
    .command("alerts")
    .description("what is wrong, as the relay saw it last; leaves with 1 when something is")
    .option("--all", "also what is over", false)
    .option("--json", "as JSON", false)
    .action((options: { all: boolean; json: boolean }) =>
      end(import("./alerts.ts").then(({ listAlerts }) => listAlerts(context, options))),
    );
  for (const [action, words, why] of [
    ["pause", "hold the runs of a rule", "why; it is written down, and stands on the rule while it is paused"],
    ["resume", "let a paused rule go on, with the runs that were held", WHY],
    ["release", "let runs go on that were held because there were so many (floodHold)", WHY],
  ] as const) {
    rules
      .command(action)
      .description(words)
      .argument("<rule>")
      .option("--reason <text>", why)
      .option("--json", "as JSON", false)
      .action((rule: string, options: { json: boolean; reason?: string }) =>
        end(import("./change-rule.ts").then(({ changeRule }) => changeRule(context, rule, action, options))),
      );
  }

  const apps = program.command("apps").description("the Dify apps of the rules");
  apps
    .command("list")
    .description("each app with its state, how much it is given, and what waits for it")
    .option("--json", "as JSON", false)
    .action((options: { json: boolean }) =>
      end(import("./apps.ts").then(({ listApps }) => listApps(context, options))),
    );
  for (const [action, words, why] of [
    [
      "pause",
      "let the runs for an app wait, of all its rules; no attempt is lost, and other apps go on",
      "why; it is written down, and stands on the app while it is paused",
    ],
    ["resume", "let a paused app go on, with the runs that wait for it", WHY],
  ] as const) {
    apps
      .command(action)
      .description(words)
      .argument("<app>", "the variable that holds its key, such as DIFY_API_KEY, or its name")
      .option("--reason <text>", why)
      .option("--json", "as JSON", false)
      .action((app: string, options: { json: boolean; reason?: string }) =>
        end(import("./apps.ts").then(({ changeApp }) => changeApp(context, app, action, options))),
      );
  }
}
