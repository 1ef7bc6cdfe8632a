import {
  type GivenInputs,
  type InputFile,
  type PreparedInputs,
  prepareInputs,
  THE_FILE,
} from "../../src/dify/build-inputs.ts";
import { findFileInput } from "../../src/dify/find-file-input.ts";
import type { DifyInput } from "../../src/dify/types.ts";
import { PermanentError } from "../../src/errors.ts";
import type { RunRow } from "../../src/ledger/schema.ts";
import { inputsOf } from "../render-for-run.ts";

/**
 * The inputs a run sends: the rule's templates filled in, the files in their place, all checked against what the app
 * declares.
 * @param files those of its batch; left out for a run of one file
 * @throws {PermanentError} `dify_input_invalid`, naming every fault
 */
export function prepareRunInputs(
  run: RunRow,
  declared: readonly DifyInput[],
  files: readonly InputFile[] = [{ name: run.fileName, mimeType: run.mimeType ?? undefined }],
): PreparedInputs {
  return prepareInputs(declared, givenBy(run, declared), ...files);
}

/** The variables of the app that get the files. @throws {PermanentError} `dify_input_invalid` when none can be found */
export function fileInputsOf(run: RunRow, declared: readonly DifyInput[]): readonly DifyInput[] {
  const given = givenBy(run, declared);
  return declared.filter(({ variable }) => given[variable] === THE_FILE);
}

function givenBy(run: RunRow, declared: readonly DifyInput[]): GivenInputs {
  const given: Record<string, unknown> = {};
  for (const [name, input] of inputsOf(run)) given[name] = input.kind === "file" ? THE_FILE : input.value;
  if (!Object.values(given).includes(THE_FILE)) given[theFileInput(declared)] = THE_FILE;
  return given;
}

function theFileInput(declared: readonly DifyInput[]): string {
  const found = findFileInput(declared);
  switch (found.kind) {
    case "one":
      return found.input.variable;
    case "none":
      throw new PermanentError("dify_input_invalid", "the app has no file variable to put the file into", {
        nextAction: "add a variable of type file to the app's Start node and publish it, then replay",
      });
    case "several":
      throw new PermanentError(
        "dify_input_invalid",
        `the app has several file variables: ${found.variables.join(", ")}`,
        {
          nextAction: 'say in the rule\'s run.inputs which of them is "{{ file }}", then replay',
        },
      );
    default:
      return found satisfies never;
  }
}
