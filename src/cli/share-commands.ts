import { type Command, Option } from "commander";
import type { ExportOptions } from "./audit.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { parseCount, parseSpan } from "./parse-options.ts";
import type { ListSharesOptions } from "./shares.ts";
import type { TransferOptions } from "./transfers.ts";

type End = (result: ExitCode | Promise<ExitCode>) => Promise<void>;

/** The commands about what people were given: links, who used them, and whole organisations. */
export function addShareCommands(program: Command, context: CliContext, end: End): void {
  const shares = program.command("shares").description("the links people were given");
  shares
    .command("list")
    .description("links that are open, newest first")
    .option("--rule <name>", "only those of this rule")
    .option("--expired", "those that have ended instead", false)
    .option("--all", "both", false)
    .option("--limit <count>", "how many", parseCount, 50)
    .option("--json", "one JSON object per link", false)
    .action(({ expired, all, ...options }: Omit<ListSharesOptions, "state"> & { expired: boolean; all: boolean }) => {
      const state = all ? "all" : expired ? "ended" : "open";
      return end(import("./shares.ts").then(({ listShares }) => listShares(context, { ...options, state })));
    });
  shares
    .command("show")
    .description("one link, by its id or that of its run, and who opened it")
    .argument("<share or run>")
    .option("--json", "as JSON", false)
    .action((id: string, options: { json: boolean }) =>
      end(import("./shares.ts").then(({ showShare }) => showShare(context, id, options))),
    );
  shares
    .command("revoke")
    .description("close a link; the files stay, and a replay of the run opens it again")
    .argument("<share or run>")
    .option("--reason <text>", "why; it stands on the run")
    .option("--json", "as JSON", false)
    .action((id: string, options: { reason?: string; json: boolean }) =>
      end(import("./shares.ts").then(({ revokeShare }) => revokeShare(context, id, options))),
    );

  program
    .command("audit")
    .description("who did what")
    .command("export")
    .description("who opened what people were given, what operators did, or what agents called, oldest first")
    .addOption(
      new Option("--what <which>", "what to tell").choices(["accesses", "operators", "tools"]).default("accesses"),
    )
    .addOption(new Option("--since <duration>", "how far back, such as 30d; default: everything").argParser(parseSpan))
    .option("--run <id>", "only of this run")
    .option("--share <id>", "only of this share")
    .option("--rule <name>", "only of this rule")
    .addOption(new Option("--format <format>", "json is one object per line").choices(["csv", "json"]).default("csv"))
    .option("--output <file>", "instead of standard output")
    .action((options: ExportOptions) =>
      end(import("./audit.ts").then(({ exportAudit }) => exportAudit(context, options))),
    );

  const transfers = program.command("transfer").description("hand a whole organisation to a person");
  const command = (name: string, words: string) =>
    transfers
      .command(name)
      .description(words)
      .option("--org <id or domain>", "default: the only one the key's account has")
      .option("--json", "as JSON", false);
  command("create", "make a claim link, which is told once and lives 72 hours").action((options: TransferOptions) =>
    end(import("./transfers.ts").then(({ createTransfer }) => createTransfer(context, options))),
  );
  command("list", "offers that are open, without their links").action((options: TransferOptions) =>
    end(import("./transfers.ts").then(({ listTransfers }) => listTransfers(context, options))),
  );
  command("delete", "take an offer back")
    .argument("<offer>")
    .action((id: string, options: TransferOptions) =>
      end(import("./transfers.ts").then(({ deleteTransfer }) => deleteTransfer(context, id, options))),
    );
  transfers
    .command("claim-link")
    .description("the claim link at the end of a run whose rule says handoff: true; told once")
    .argument("<run>")
    .option("--replace", "take back the offer that is open", false)
    .option("--reason <text>", "why; it is written down")
    .option("--json", "as JSON", false)
    .action((run: string, options: { replace: boolean; reason?: string; json: boolean }) =>
      end(import("./transfers.ts").then(({ claimLink }) => claimLink(context, run, options))),
    );
}
