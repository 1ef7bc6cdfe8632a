/** One thing that `relay init` wants to know. */
export type Question = {
  readonly message: string;
  /** The option that answers it without asking, such as `--workspace <id or name>`. */
  readonly flag: string;
};

export type Choice<T> = { readonly value: T; readonly label: string; readonly hint?: string };

/** Asks a person, or a command line that was given beforehand. */
export type Asker = {
  /** A step that is done, or a word on what comes. */
  say(words: string): void;
  /** What went otherwise than one may have wished. */
  warn(words: string): void;
  /** A text of several lines that is to be looked at. */
  show(title: string, lines: readonly string[]): void;
  /** Shows that something is waited for. */
  busy<T>(words: string, work: () => Promise<T>): Promise<T>;
  secret(question: Question): Promise<string>;
  /** @param question `check` says what is wrong with an answer; `proposal` stands there to begin with */
  text(
    question: Question & { readonly proposal?: string; readonly check?: (answer: string) => string | undefined },
  ): Promise<string>;
  choose<T extends string>(
    question: Question & { readonly choices: readonly Choice<T>[]; readonly proposal?: T },
  ): Promise<T>;
  confirm(question: Question & { readonly proposal: boolean }): Promise<boolean>;
  /** Whether a wrong answer can be asked for again. */
  readonly isPerson: boolean;
};

/** The person left at a question (Ctrl-C). */
export class Left extends Error {
  constructor() {
    super("left at a question");
    this.name = new.target.name;
  }
}
