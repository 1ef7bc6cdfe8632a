import { orList } from "../text/or-list.ts";
import type { Check, MatchSubject, Needs } from "./match-subject.ts";
import { quote } from "./quote.ts";
import { sameId } from "./same-id.ts";

const NEEDS_EMAIL: Needs = { kind: "unsure", needs: "actor_email" };

const isEmail = (written: string): boolean => written.includes("@");

/** Who brought the file: whoever caused the event, else whoever made the file. */
const actorOf = ({ actorUserId, creatorId }: MatchSubject): string | undefined => actorUserId ?? creatorId;

/** Whether one of these names means the actor; undefined when that takes an address nobody has asked for yet. */
function isAmong(written: readonly string[], actor: string, email: string | null | undefined): boolean | undefined {
  if (written.some((one) => !isEmail(one) && sameId(one, actor))) return true;
  const addresses = written.filter(isEmail);
  if (addresses.length === 0) return false;
  if (email === undefined) return undefined;
  return email !== null && addresses.some((one) => one.toLowerCase() === email.toLowerCase());
}

const called = (actor: string, email: string | null | undefined): string =>
  email === undefined || email === null ? quote(actor) : `${quote(actor)} (${quote(email)})`;

/** Somebody nobody knows is left out by no name. */
export const actorNotExcluded: Check = ({ rule: { when } }, subject) => {
  const actor = actorOf(subject);
  const { actorEmail, selfUserId, origin } = subject;
  if (actor === undefined) return undefined;
  const people = when.exclude.actors.filter((excluded) => excluded !== "self");
  const excluded = isAmong(people, actor, actorEmail);
  if (excluded === true) return `user ${called(actor, actorEmail)} is left out by exclude.actors`;
  // What a rule takes of another one's outputs was put there by the relay.
  const isTaken = when.outputsOf !== undefined && origin?.kind === "output";
  const isSelf = selfUserId !== undefined && sameId(actor, selfUserId);
  if (isSelf && !isTaken && when.exclude.actors.includes("self"))
    return `user ${quote(actor)} is the relay itself, left out by exclude.actors self`;
  return excluded === undefined ? NEEDS_EMAIL : undefined;
};

/** Whether the one who brought the file is among those the rule names; a rule that names nobody wants all. */
export const actorWanted: Check = ({ rule: { when } }, subject) => {
  if (when.actors === undefined) return undefined;
  const actor = actorOf(subject);
  if (actor === undefined) return `nobody tells who brought it, the rule wants ${orList(when.actors)}`;
  const wanted = isAmong(when.actors, actor, subject.actorEmail);
  if (wanted === undefined) return NEEDS_EMAIL;
  const unknown = subject.actorEmail === null ? ", whose address nobody knows," : "";
  return wanted
    ? undefined
    : `user ${called(actor, subject.actorEmail)}${unknown} brought it, the rule wants ${orList(when.actors)}`;
};
