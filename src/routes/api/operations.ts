import { ALERT_OPERATIONS } from "../alerts.ts";
import { ANSWER_OPERATIONS } from "../answers.ts";
import { APP_OPERATIONS } from "../apps.ts";
import { AUDIT_OPERATIONS } from "../audit.ts";
import { BULK_OPERATIONS } from "../bulk.ts";
import { DELIVERY_OPERATIONS } from "../deliveries.ts";
import { EVENT_OPERATIONS } from "../events.ts";
import { HANDOFF_OPERATIONS } from "../handoff.ts";
import { LIVE_OPERATIONS } from "../live.ts";
import { OVERVIEW_OPERATIONS } from "../overview.ts";
import { RULE_OPERATIONS } from "../rules.ts";
import { RUN_ACTION_OPERATIONS } from "../run-actions.ts";
import { RUN_OPERATIONS } from "../runs.ts";
import { SHARE_OPERATIONS } from "../shares.ts";
import { SOURCE_OPERATIONS } from "../sources.ts";
import { TOOL_CALL_OPERATIONS } from "../tool-calls.ts";
import { WEBHOOK_OPERATIONS } from "../webhook-admin.ts";
import type { OperationSpec } from "./operation.ts";
import { READ_DOCUMENT } from "./serve-document.ts";

/** Every operation of the JSON API, in the order of the document. */
export const API_OPERATIONS: readonly OperationSpec[] = [
  ...OVERVIEW_OPERATIONS,
  ...RUN_OPERATIONS,
  ...RUN_ACTION_OPERATIONS,
  ...BULK_OPERATIONS,
  ...ANSWER_OPERATIONS,
  ...HANDOFF_OPERATIONS,
  ...EVENT_OPERATIONS,
  ...DELIVERY_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
  ...RULE_OPERATIONS,
  ...APP_OPERATIONS,
  ...SHARE_OPERATIONS,
  ...SOURCE_OPERATIONS,
  ...ALERT_OPERATIONS,
  ...AUDIT_OPERATIONS,
  ...TOOL_CALL_OPERATIONS,
  ...LIVE_OPERATIONS,
  READ_DOCUMENT,
];
