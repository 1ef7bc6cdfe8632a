import { createReadEvents, type EventList, type EventStory, EventsQuery } from "../../handlers/read-events.ts";
import { type Config, parseConfig } from "../config.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { timeOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import { inLedgerOrRelay, readRelay } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { formatTable, SHARE_OR_NOTE, type TableRoom } from "./print-table.ts";
import { readPages } from "./read-pages.ts";

/** What became of a file: its events, the runs they made, and why rules made none. */
export async function showEvents(
  context: CliContext,
  about: string,
  options: { readonly json: boolean; readonly limit: number },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const stories = EventsQuery.safeParse({ about }).success
    ? await inLedgerOrRelay(
        config,
        (db) => readStories(eventsOfLedger(db), about, options.limit),
        () => readStories(eventsOfRelay(context, config), about, options.limit),
      )
    : []; // what no file can be called
  if (!stories) return 1;
  if (stories.length === 0) {
    context.warn(`no event tells of ${plain(about)}`);
    context.warn(
      "→ it takes the whole name of a file, a node id or the key of an event; relay runs list takes a part of a name",
    );
    return 1;
  }
  for (const story of stories) context.print(options.json ? JSON.stringify(story) : tell(context, story));
  return 0;
}

type Read = {
  readonly list: (query: Readonly<Record<string, string>>) => Promise<EventList | undefined>;
  readonly story: (key: string) => Promise<EventStory | undefined>;
};

function eventsOfLedger(db: Db): Read {
  const { list, story } = createReadEvents(db);
  return { list: (query) => list(EventsQuery.parse(query)), story };
}

const eventsOfRelay = (context: CliContext, config: Config): Read => ({
  list: (query) => readRelay<EventList>(context, config, `/api/events?${new URLSearchParams(query)}`),
  story: (key) => readRelay<EventStory>(context, config, `/api/events/${key}`),
});

/** @returns undefined when they could not be read */
async function readStories(read: Read, about: string, limit: number): Promise<readonly EventStory[] | undefined> {
  const found = await readPages(
    async (query) => {
      const page = await read.list(query);
      return page && { items: page.events, next: page.next };
    },
    { about },
    limit,
  );
  if (!found) return undefined;
  const stories: EventStory[] = [];
  for (const { key } of found) {
    const story = await read.story(key);
    if (story) stories.push(story);
  }
  return stories;
}

function tell(context: TableRoom, story: EventStory): string {
  const name = story.file === null ? (story.nodeId ?? "") : `${story.folder === "/" ? "" : story.folder}/${story.file}`;
  const head = `${story.key}  ${plain(name)}\n  ${story.type} by ${story.source}, ${timeOf(story.receivedAtMs)}: ${story.status}`;
  const reasons = story.reasons.map(({ rule, reason }) => `  ${rule === "*" ? "" : `${rule}: `}${plain(reason)}`);
  const runs = story.runs.map((run) => [run.id, run.rule, run.status, plain(run.share ?? run.error ?? "")]);
  const table = runs.length === 0 ? [] : [formatTable(context, ["RUN", "RULE", "STATUS", SHARE_OR_NOTE], runs)];
  return [head, ...reasons, ...table, ""].join("\n");
}
