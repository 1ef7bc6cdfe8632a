import { describe, expect, test } from "vitest";
import { readFrame } from "../../../src/dify/frame-schema.ts";

const NODE = { id: "e1", node_id: "n1", node_type: "llm", title: "Write", created_at: 1_705_407_629 };
const ENDED = { ...NODE, status: "succeeded", error: null, elapsed_time: 0.5, inputs: { a: 1 }, files: [] };
const FORM = { form_id: "f", node_id: "n1", form_content: "OK?", inputs: [], actions: [], form_token: "t" };

/** Every event of the Service API's catalogue, with the members that it is documented with. */
const CATALOGUE: Readonly<Record<string, object>> = {
  workflow_started: { data: { id: "r", workflow_id: "w", inputs: {}, created_at: 1, reason: "initial" } },
  workflow_finished: {
    data: { id: "r", status: "partial-succeeded", outputs: { a: 1 }, error: null, total_tokens: 7, files: [] },
  },
  node_started: { data: { ...NODE, index: 1, predecessor_node_id: null, inputs: null, extras: {} } },
  node_finished: { data: { ...ENDED, execution_metadata: { total_tokens: 7, total_price: "0.1", currency: "USD" } } },
  node_retry: { data: { ...ENDED, status: "retry", retry_index: 1 } },
  iteration_started: { data: { ...NODE, metadata: {} } },
  iteration_next: { data: { ...NODE, index: 2 } },
  iteration_completed: { data: { ...ENDED, steps: 3, total_tokens: 7 } },
  loop_started: { data: NODE },
  loop_next: { data: { ...NODE, index: 0, pre_loop_output: {} } },
  loop_completed: { data: { ...ENDED, steps: 3 } },
  text_chunk: { data: { text: "words", from_variable_selector: ["n1", "text"] } },
  reasoning_chunk: { data: { message_id: null, reasoning: "hm", node_id: "n1", is_final: false } },
  agent_log: { data: { node_execution_id: "e1", id: "l", label: "call", parent_id: null, status: "start", data: {} } },
  human_input_required: { data: FORM },
  human_input_form_filled: { data: { node_id: "n1", action_id: "yes", submitted_data: null } },
  human_input_form_timeout: { data: { node_id: "n1", node_title: "Ask", expiration_time: 1 } },
  workflow_paused: { data: { paused_nodes: ["n1"], outputs: {}, reasons: [FORM], status: "paused" } },
  tts_message: { audio: "AAAA" },
  tts_message_end: { audio: "" },
  error: { status: 400, message: "no", code: "invalid_param" },
  ping: {},
};

describe("the frames of a run's stream", () => {
  test.each(Object.entries(CATALOGUE))("%s is read, whatever members are added to it", (event, members) => {
    const data = "data" in members && typeof members.data === "object" ? { ...members.data, brand_new: 1 } : undefined;
    const added = { ...members, brand_new: [1], ...(data && { data }) };
    expect(readFrame(event, { event, ...members })).toMatchObject({ event });
    expect(readFrame(event, { event, ...added })).toEqual(readFrame(event, { event, ...members }));
  });

  test.each(["text_replace", "__proto__", "constructor", ""])("%j is no name we know", (event) => {
    expect(readFrame(event, { event, data: {} })).toBe("unknown name");
  });

  test.each([
    { event: "node_finished", data: null },
    { event: "node_started", data: { ...NODE, title: 7 } },
    { event: "workflow_finished", data: { status: "exploded", outputs: {} } },
    { event: "agent_log" },
    { event: "tts_message", audio: 7 },
  ])("$event of a shape it never has is refused", (whole) => {
    expect(readFrame(whole.event, whole)).toBe("unexpected shape");
  });

  test("what can be megabytes and is of no use is let go", () => {
    const read = readFrame("node_finished", { data: { ...ENDED, inputs: "x".repeat(10), outputs: {} } });
    expect(Object.keys(typeof read === "object" ? read.data : {}).sort()).toEqual(
      ["created_at", "elapsed_time", "error", "id", "node_id", "node_type", "status", "title"].sort(),
    );
  });

  test.each([
    { told: { total_price: "0.0012", currency: "USD" }, cost: { total_price: 0.0012, currency: "USD" } },
    { told: { total_price: 0, currency: "USD" }, cost: undefined },
    { told: { total_price: "much", currency: "USD" }, cost: undefined },
    { told: { total_tokens: 7 }, cost: undefined },
  ])("a cost of $told is told as $cost, and the node all the same", ({ told, cost }) => {
    const read = readFrame("node_finished", { data: { ...ENDED, execution_metadata: told } });
    expect(read).toMatchObject({ data: { node_id: "n1", execution_metadata: cost } });
  });
});
