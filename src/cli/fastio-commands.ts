import { type Command, Option } from "commander";
import type { CliContext, ExitCode } from "./context.ts";
import { parseSpan } from "./parse-options.ts";
import type { WebhookOptions } from "./webhooks.ts";

type End = (result: ExitCode | Promise<ExitCode>) => Promise<void>;

/** The commands that manage what the relay hears of Fast.io. */
export function addFastioCommands(program: Command, context: CliContext, end: End): void {
  program
    .command("catch-up")
    .description("ask Fast.io what webhooks did not tell, and tell what came by which way")
    .addOption(
      new Option(
        "--since <duration>",
        "how far back, such as 2h or 3d, up to RETENTION_DAYS; where events cannot be searched, what came since they were last read",
      )
        .default(7_200_000, "2h")
        .argParser(parseSpan),
    )
    .option("--report", "ask nothing, only tell what the ledger knows", false)
    .option("--json", "one JSON object per workspace", false)
    .action((options) => end(import("./catch-up.ts").then(({ catchUp }) => catchUp(context, options))));

  program
    .command("workspaces")
    .description("workspaces of the Fast.io account")
    .command("list")
    .description("the workspaces the key may see, with their ids")
    .option("--json", "one JSON object per workspace", false)
    .action((options) => end(import("./workspaces.ts").then(({ listWorkspaces }) => listWorkspaces(context, options))));

  const webhooks = program.command("webhooks").description("webhooks of a workspace, where Fast.io offers them");
  const command = (name: string, words: string) =>
    webhooks
      .command(name)
      .description(words)
      .option("--workspace <id or name>", "default: what the rules name")
      .option("--json", "as JSON", false);
  command("list", "without their secrets").action((options: WebhookOptions) =>
    end(import("./webhooks.ts").then(({ listWebhooks }) => listWebhooks(context, options))),
  );
  command("register", "let Fast.io tell the relay of files; the secret is told once")
    .option("--url <address>", "where deliveries go; default: PUBLIC_URL with /webhooks/fastio")
    .option("--events <names...>", "Fast.io's names of events; default: all", [])
    .option("--secret-file <path>", "write the secret there, for its owner alone, instead of printing it")
    .action((options) => end(import("./webhooks.ts").then(({ registerWebhook }) => registerWebhook(context, options))));
  command("test", "let Fast.io send a test event")
    .argument("<webhook>")
    .action((id: string, options: WebhookOptions) =>
      end(import("./webhooks.ts").then(({ testWebhook }) => testWebhook(context, id, options))),
    );
  command("rotate", "make a new secret, which is told once; keep the old one until the new one was seen")
    .argument("<webhook>")
    .option("--secret-file <path>", "put the secret before those in this file, instead of printing it")
    .action((id: string, options) =>
      end(import("./webhooks.ts").then(({ rotateWebhook }) => rotateWebhook(context, id, options))),
    );
  command("delete", "let Fast.io send no more deliveries")
    .argument("<webhook>")
    .action((id: string, options: WebhookOptions) =>
      end(import("./webhooks.ts").then(({ deleteWebhook }) => deleteWebhook(context, id, options))),
    );
}
