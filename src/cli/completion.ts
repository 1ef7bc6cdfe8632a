import type { Command, Option } from "commander";
import { commandsOf } from "./command-tree.ts";

/** One place in the tree, as a shell has to know it. Words hold no blanks; descriptions are one line. */
type Place = {
  /** `/runs/list`; empty for the program. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
  /** What may follow an option: some words, or a file. Options that take a value nobody can guess complete to nothing. */
  readonly values: readonly { readonly flag: string; readonly choices: readonly string[]; readonly isFile: boolean }[];
};

function placesOf(program: Command): readonly Place[] {
  return commandsOf(program).map(({ path, command }) => {
    const help = command.createHelp();
    const options = help.visibleOptions(command);
    const below = help.visibleCommands(command).filter((one) => one.name() !== "help");
    return {
      path: path.map((name) => `/${name}`).join(""),
      words: [
        ...below.map((one) => ({ word: one.name(), about: one.description() })),
        ...options.map((option) => ({ word: option.long ?? option.flags, about: option.description })),
      ].map(({ word, about }) => ({ word, about: about.replaceAll(/\s+/g, " ") })),
      values: options.flatMap(valuesAfter),
    };
  });
}

function valuesAfter(option: Option): Place["values"] {
  if (option.isBoolean() || option.long === undefined) return [];
  const isFile = /<(path|paths|file)/.test(option.flags);
  return [{ flag: option.long, choices: option.argChoices ?? [], isFile }];
}

const single = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const namesOf = ({ words }: Place): string => words.map(({ word }) => word).join(" ");

/** The lines of a `case` that say, for `path flag`, what may follow. */
const valueCases = (places: readonly Place[], line: (value: Place["values"][number]) => string): string =>
  places
    .flatMap(({ path, values }) => values.map((value) => `    ${single(`${path} ${value.flag}`)}) ${line(value)} ;;`))
    .join("\n");

/** Finds the place in the tree: the words so far that are commands. */
const knownPaths = (places: readonly Place[]): string =>
  places
    .map(({ path }) => path)
    .filter((path) => path !== "")
    .join("|");

function bash(program: Command): string {
  const places = placesOf(program);
  const values = valueCases(places, ({ choices, isFile }) =>
    isFile
      ? 'COMPREPLY=($(compgen -f -- "$cur")); return'
      : `COMPREPLY=($(compgen -W ${single(choices.join(" "))} -- "$cur")); return`,
  );
  return `# Completion of relay for bash.
_relay() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path='' word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path/$word" in ${knownPaths(places)}) path="$path/$word" ;; esac
  done
  case "$path $prev" in
${values}
  esac
  case "$path" in
${places.map((place) => `    ${single(place.path)}) COMPREPLY=($(compgen -W ${single(namesOf(place))} -- "$cur")) ;;`).join("\n")}
  esac
}
complete -F _relay relay
`;
}

function zsh(program: Command): string {
  const places = placesOf(program);
  const values = valueCases(places, ({ choices, isFile }) =>
    isFile ? "_files; return" : choices.length === 0 ? "return" : `compadd -- ${choices.map(single).join(" ")}; return`,
  );
  const described = ({ words }: Place): string =>
    words.map(({ word, about }) => single(`${word.replaceAll(":", "\\:")}:${about}`)).join(" ");
  return `#compdef relay
# Completion of relay for zsh.
_relay() {
  local at='' word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at/$word" in (${knownPaths(places)}) at="$at/$word" ;; esac
  done
  case "$at \${words[CURRENT-1]}" in
${values}
  esac
  case "$at" in
${places.map((place) => `    ${single(place.path)}) found=(${described(place)}) ;;`).join("\n")}
  esac
  _describe 'relay' found
}
compdef _relay relay
`;
}

function fish(program: Command): string {
  const places = placesOf(program);
  const lines = places.flatMap(({ path, words, values }) => {
    const here = `-n ${single(`test (__relay_at) = '${path}'`)}`;
    return words.map(({ word, about }) => {
      if (!word.startsWith("--")) return `complete -c relay ${here} -a ${single(word)} -d ${single(about)}`;
      const value = values.find(({ flag }) => flag === word);
      const takes =
        value === undefined
          ? ""
          : value.isFile
            ? " -r -F"
            : ` -x${value.choices.length > 0 ? ` -a ${single(value.choices.join(" "))}` : ""}`;
      return `complete -c relay ${here} -l ${single(word.slice(2))}${takes} -d ${single(about)}`;
    });
  });
  return `# Completion of relay for fish.
function __relay_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch "$at/$word"
      case ${places
        .map(({ path }) => path)
        .filter((path) => path !== "")
        .map(single)
        .join(" ")}
        set at "$at/$word"
    end
  end
  echo "$at"
end
complete -c relay -f
${lines.join("\n")}
`;
}

/** The script of each shell that completes the commands and options of the tree. */
export const COMPLETIONS = { bash, zsh, fish } as const satisfies Readonly<
  Record<string, (program: Command) => string>
>;
