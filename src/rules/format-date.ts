const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const two = (number: number): string => String(number).padStart(2, "0");

const PARTS: Readonly<Record<string, (moment: Date) => string>> = {
  YYYY: (moment) => String(moment.getUTCFullYear()).padStart(4, "0"),
  YY: (moment) => two(moment.getUTCFullYear() % 100),
  MMMM: (moment) => MONTHS[moment.getUTCMonth()] ?? "",
  MMM: (moment) => (MONTHS[moment.getUTCMonth()] ?? "").slice(0, 3),
  MM: (moment) => two(moment.getUTCMonth() + 1),
  M: (moment) => String(moment.getUTCMonth() + 1),
  DD: (moment) => two(moment.getUTCDate()),
  D: (moment) => String(moment.getUTCDate()),
  HH: (moment) => two(moment.getUTCHours()),
  mm: (moment) => two(moment.getUTCMinutes()),
  ss: (moment) => two(moment.getUTCSeconds()),
};

/** Parts of a date format: runs of letters; all else stands as it is. */
const LETTERS = /[A-Za-z]+/g;
/** With or without a time; without a zone, UTC is meant. */
const ISO_DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/** What is wrong with a format such as `DD.MM.YYYY`; undefined when nothing is. */
export function dateFormatFault(format: string): string | undefined {
  const words = format.match(LETTERS) ?? [];
  const there = Object.keys(PARTS).join(", ");
  if (words.length === 0) return `holds no part of a date; there are ${there}`;
  const strange = words.find((word) => !Object.hasOwn(PARTS, word));
  return strange === undefined ? undefined : `holds "${strange}", which is no part of a date; there are ${there}`;
}

/** A moment written as ISO 8601, in another form and in UTC; text that is no such moment stays as it is. */
export function formatDate(text: string, format: string): string {
  const written = text.trim();
  if (!ISO_DATE.test(written)) return text;
  const isLocal = written.includes("T") && !/(?:Z|[+-]\d{2}:?\d{2})$/.test(written);
  const moment = new Date(isLocal ? `${written}Z` : written);
  if (Number.isNaN(moment.getTime())) return text;
  return format.replace(LETTERS, (word) => (Object.hasOwn(PARTS, word) ? PARTS[word]?.(moment) : undefined) ?? word);
}
