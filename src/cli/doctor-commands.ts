import { type Command, InvalidArgumentError } from "commander";
import type { CliContext, ExitCode } from "./context.ts";

/** What looks for faults and says what to do about them. */
export function addDoctorCommands(
  program: Command,
  context: CliContext,
  end: (result: ExitCode | Promise<ExitCode>) => Promise<void>,
): void {
  const examinations = program
    .command("doctor")
    .description("look at everything the relay needs; say what is wrong, why, and what to do")
    .option("--run", "also start one workflow run per app, on a file of a few bytes", false)
    .option("--json", "as JSON", false)
    .action((options: { json: boolean; run: boolean }) =>
      end(import("./doctor.ts").then(({ doctor }) => doctor(context, options))),
    );
  examinations
    .command("dify-storage")
    .description("try the S3 storage of a self-hosted Dify by its own variables (S3_BUCKET_NAME, …); say what to write")
    .option("--dify-env <path>", "Dify's .env; else the environment is read")
    .option("--origin <origins...>", "pages that browsers show, such as https://dify.example.com", collectOrigin, [])
    .option("--json", "as JSON", false)
    .action((options: { json: boolean; difyEnv?: string; origin: readonly string[] }) =>
      end(import("./doctor-dify-storage.ts").then(({ doctorDifyStorage }) => doctorDifyStorage(context, options))),
    );
}

function collectOrigin(text: string, known: readonly string[]): readonly string[] {
  const url = URL.parse(text);
  if (url === null || url.origin !== text.replace(/\/$/, "")) {
    throw new InvalidArgumentError("must look like https://dify.example.com.");
  }
  return [...known, url.origin];
}
