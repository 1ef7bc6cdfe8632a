/** What a key of the rules file means. @see json-schema.ts: editors show it */
export type KeyDoc = {
  readonly says: string;
  /** What holds when the key is left out, as it would be written. */
  readonly unsaid?: unknown;
};

const ask = (answer: string): Readonly<Record<string, KeyDoc>> => ({
  "": { says: `Questions put to Fast.io. ${answer}` },
  ".question": { says: "The question. May hold names such as {{ file.name }}." },
  ".into": { says: "What the answer is called." },
  ".scope": { says: "Where Fast.io looks: in the run's files, their folder, the workspace.", unsaid: "files" },
  ".citations": {
    says: "Names of the files the answer was found in are written below it.",
    unsaid: false,
  },
});

const under = (path: string, docs: Readonly<Record<string, KeyDoc>>): Readonly<Record<string, KeyDoc>> =>
  Object.fromEntries(Object.entries(docs).map(([key, doc]) => [`${path}${key}`, doc]));

/** By path from the top of the file; a place in a list is left out. */
export const KEY_DOCS: Readonly<Record<string, KeyDoc>> = {
  rules: { says: "Which files are taken, what is run on them, and who gets the result." },
  floodHold: {
    says: "Unfinished runs of one rule above which further ones are held until an operator releases them.",
    unsaid: 500,
  },
  tools: { says: "What agents may ask of the relay at /tools and /mcp, by the names of their tokens in TOOLS_TOKEN." },
  "tools.workspaces": { says: 'Ids or names of workspaces; "*": all that the relay\'s own key sees.' },
  "tools.operations": {
    says: '"*": all except createHandoffLink, which gives the whole organisation away and must be named.',
  },
  "tools.maxUpload": { says: "Size of one file. kB, MB, GB count in thousands.", unsaid: "50MB" },
  "tools.perMinute": { says: "Calls in any minute, in all receivers together.", unsaid: 60 },
  "tools.fetch": {
    says: 'Hosts that files may be taken from by their address, such as "*.example.com". Dify\'s own links need none.',
    unsaid: [],
  },
  alerts: { says: "When the relay counts something as wrong, and tells of it on /alerts and to ALERT_NOTICE_URL." },
  "alerts.off": { says: "Kinds that are not looked for.", unsaid: [] },
  "alerts.quietSource": {
    says: "A workspace that catch-up cannot read, and of which no webhook tells, for so long.",
    unsaid: "2h",
  },
  "alerts.quietWebhooks": {
    says: "Without catch-up: webhooks that came, and come no more for so long.",
    unsaid: "24h",
  },
  "alerts.outboxAge": { says: "Work that could not be handed to its queue for so long.", unsaid: "1m" },
  "alerts.queueUnworked": { says: "A queue that no process has worked on for so long.", unsaid: "1m" },
  "alerts.failingShare": { says: "Per cent of a rule's runs that failed.", unsaid: 50 },
  "alerts.failingRuns": { says: "Of so many that ended, at least.", unsaid: 5 },
  "alerts.failingWithin": { says: "Within so long.", unsaid: "1h" },
  "alerts.secretUnused": {
    says: "An older secret that signed nothing for so long while the newest does.",
    unsaid: "7d",
  },
  "alerts.signatureChanged": { says: "How long a changed way of signing is told of.", unsaid: "24h" },
  "alerts.appDownTries": { says: "Tries in a row at one run that a Dify app did not answer.", unsaid: 5 },
  "alerts.hold": {
    says: "How long all must be well before an alert is over; what comes back before that is the same alert.",
    unsaid: "10m",
  },
  "rules.name": { says: "Small letters, digits and hyphens. Shown on pages and in logs." },
  "rules.when": { says: "Which files the rule takes." },
  "rules.when.workspace": { says: 'Id or exact name of the workspace; "*" means any.' },
  "rules.when.share": {
    says: 'Takes files that people upload into a share with files of its own: its id, custom name, or "*".',
  },
  "rules.when.outputsOf": {
    says: 'Takes what these rules delivered, and nothing else; "*" is every other rule. Unsaid: outputs start nothing.',
  },
  "rules.when.events": {
    says: "What happened to the file.",
    unsaid: ["file.created", "file.version_added"],
  },
  "rules.when.folder": { says: "/Inbox: in it. /Inbox/**: in it and anywhere below. Unsaid: any folder." },
  "rules.when.files": { says: 'Names, such as "*.pdf". Upper and lower case do not differ. Unsaid: any.' },
  "rules.when.mime": { says: 'Types, such as "image/*". Unsaid: any.' },
  "rules.when.minSize": { says: "kB, MB, GB count in thousands; KiB, MiB, GiB in 1024s. Unsaid: no limit." },
  "rules.when.maxSize": { says: "kB, MB, GB count in thousands; KiB, MiB, GiB in 1024s. Unsaid: no limit." },
  "rules.when.actors": { says: "Only files of these people: user ids or e-mail addresses. Unsaid: of anybody." },
  "rules.when.maxAge": { says: "A file that was made longer ago is left alone. Unsaid: of any age." },
  "rules.when.settle": { says: "A file is taken when it has not changed for so long. Unsaid: at once." },
  "rules.when.exclude": { says: "What is left alone all the same." },
  "rules.when.exclude.actors": { says: "User ids; self is the relay's own user.", unsaid: ["self"] },
  "rules.when.exclude.folders": { says: "Left out with everything below.", unsaid: [] },
  "rules.run": { says: "What is run on the file." },
  "rules.run.key": {
    says: "Name of the environment variable that holds the key of the Dify app.",
    unsaid: "DIFY_API_KEY",
  },
  "rules.run.inputs": {
    says: 'What the app\'s Start node asks for. "{{ file }}" is the file itself. Unsaid: the one file variable gets the file.',
    unsaid: {},
  },
  "rules.run.timeout": { says: "A workflow that takes longer is told to stop.", unsaid: "20m" },
  "rules.run.send": {
    says: "upload: the file's bytes are streamed to Dify. url: Dify fetches the file by a link.",
    unsaid: "upload",
  },
  "rules.run.whenUntraced": {
    says: "When Dify shows no trace of a workflow that was asked for: ask for it once more, or ask a person.",
    unsaid: "start-again",
  },
  ...under("rules.run.ask", ask("Before the workflow starts; the answers are inputs.")),
  "rules.run.group": {
    says: "each: a run for each file. batch: files that arrive together make one run.",
    unsaid: "each",
  },
  "rules.run.batch": { says: "How a batch ends." },
  "rules.run.batch.quiet": { says: "A batch is complete when no file has come for so long.", unsaid: "10s" },
  "rules.run.batch.maxFiles": { says: "A batch of more files is cut into several.", unsaid: 50 },
  "rules.deliver": { says: "What becomes of the outputs." },
  "rules.deliver.as": {
    says: "share: one for each run. drop-off: a folder that people are let into. workspace: files in a folder, no link. file-share: a durable link to the one output.",
    unsaid: "share",
  },
  "rules.deliver.folder": {
    says: 'From the top of the workspace; "." is the folder of the source. Unsaid: "/Relay outputs/{{ date }}", for a drop-off "/project-{{ date }}".',
  },
  "rules.deliver.title": { says: "2 to 80 characters; longer ones are cut.", unsaid: "{{ files.label }}" },
  "rules.deliver.type": { says: "What guests may do: take, hand in, or both.", unsaid: "send" },
  "rules.deliver.access": {
    says: "named: members and those invited. org: also the organisation. registered: whoever has an account. link: anyone with the link, type send only. Unsaid: link for type send, else named.",
  },
  "rules.deliver.storage": {
    says: "folder: the share shows the run's folder. own: the outputs lie in the share itself. Unsaid: own when it is to end, else folder.",
  },
  "rules.deliver.password": { says: "Name of the environment variable that holds the password." },
  "rules.deliver.expires": { says: "The link ends so long after it was made. Unsaid: it does not." },
  "rules.deliver.notify": { says: "When members get mail about files. Unsaid: as Fast.io does." },
  "rules.deliver.comments": { says: "Whether guests may comment. Unsaid: as Fast.io does." },
  "rules.deliver.downloadSecurity": {
    says: "How hard Fast.io makes it to take files away. Unsaid: as Fast.io does.",
  },
  "rules.deliver.branding": { says: "How the share looks. Unsaid: as Fast.io does." },
  "rules.deliver.branding.accent": { says: "A colour, #rrggbb." },
  "rules.deliver.branding.background": { says: "A colour, #rrggbb; a second one makes a gradient." },
  "rules.deliver.branding.picture": { says: "Number of one of Fast.io's pictures." },
  "rules.deliver.branding.likeWorkspace": { says: "As the workspace looks." },
  "rules.deliver.branding.links": { says: "Links on the page." },
  "rules.deliver.branding.links.title": { says: "What the link says." },
  "rules.deliver.branding.links.url": { says: "Where it leads." },
  "rules.deliver.invite": {
    says: 'E-mail addresses; Fast.io sends the mail. "{{ event.actor.email }}" is whoever dropped the file.',
    unsaid: [],
  },
  "rules.deliver.message": { says: "Stands in the invitation." },
  "rules.deliver.description": { says: "Stands on the share. 10 to 500 characters." },
  ...under("rules.deliver.ask", ask("About the outputs, once they are placed; {{ answers.NAME }} is the answer.")),
  "rules.deliver.receipt": {
    says: "What is left beside the source: a comment on it, or a note in its folder. Unsaid: nothing.",
  },
  "rules.deliver.notice": {
    says: "Name of the environment variable with the address of an incoming webhook, told of each ending.",
  },
  "rules.deliver.outputs": {
    says: "The outputs to hand on, by the names the workflow's End node gives them. Unsaid: all of them, as they are.",
  },
  "rules.deliver.outputs.name": { says: "As the workflow's End node spells it." },
  "rules.deliver.outputs.as": { says: "Name of the file it becomes." },
  "rules.deliver.outputs.types": { says: 'What has another type is left behind, such as all but "text/*".' },
  "rules.deliver.outputs.maxSize": { says: "What is larger is left behind." },
  "rules.limit": {
    says: "What the rule may use from midnight to midnight UTC; further runs are held until then. Unsaid: as much as Dify takes.",
  },
  "rules.limit.runsPerDay": { says: "Workflow runs." },
  "rules.limit.tokensPerDay": { says: "May be passed by what the runs under way still use." },
  "rules.shadow": {
    says: "Runs the workflow and delivers nowhere: the results stand on the run's page alone.",
    unsaid: false,
  },
  "rules.maxDepth": {
    says: "How long a chain of rules may be whose end this rule is. Needs when.outputsOf.",
  },
  "rules.handoff": {
    says: "At the end the organisation is offered to a person, by a link that is shown once.",
    unsaid: false,
  },
  "rules.show": { says: "Whose values the page of a run may show: true, false, or a list of names." },
  "rules.show.inputs": { says: "Of the app's inputs and the answers among them, cut to 500 characters. Unsaid: all." },
  "rules.show.outputs": {
    says: "Of the workflow's texts, cut to 2,000 characters. Unsaid: none; of a shadow rule all.",
  },
};
