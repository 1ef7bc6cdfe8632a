import { userInfo } from "node:os";

/** Who types a command, as this machine knows them. */
export function whoAmI(): string {
  try {
    return `${userInfo().username} on the command line`;
  } catch {
    return "somebody on the command line"; // a user without an entry, as in containers
  }
}
