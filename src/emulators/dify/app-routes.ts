import { sendJson } from "../kit/body.ts";
import { ApiError } from "./api-error.ts";
import type { Route } from "./route.ts";
import type { World } from "./world.ts";

const OFF = { enabled: false };
const ALOUD = { enabled: true, voice: "", language: "", autoPlay: "enabled" };
const toMegabytes = (bytes: number) => Math.ceil(bytes / (1024 * 1024));

/** What an app says about itself, and the probe that needs no key. */
export function createAppRoutes({ traits, settings, findEndUser }: World): Route[] {
  return [
    {
      operation: "index",
      method: "GET",
      path: /^\/v1\/?$/,
      auth: "none",
      handle: ({ response }) =>
        sendJson(response, 200, { welcome: "Dify OpenAPI", api_version: "v1", server_version: traits.version }),
    },
    {
      operation: "info",
      method: "GET",
      path: /^\/v1\/info$/,
      auth: "key",
      handle: ({ response }, { name = "Emulated app", description = "", mode = "workflow" }) =>
        sendJson(response, 200, { name, description, tags: [], mode, author_name: "Emulator" }),
    },
    {
      operation: "meta",
      method: "GET",
      path: /^\/v1\/meta$/,
      auth: "key",
      handle: ({ response }) => sendJson(response, 200, { tool_icons: {} }),
    },
    {
      operation: "site",
      method: "GET",
      path: /^\/v1\/site$/,
      auth: "key",
      handle: ({ response }, { name = "Emulated app" }) =>
        sendJson(response, 200, { title: name, description: "", default_language: "en-US", show_workflow_steps: true }),
    },
    {
      operation: "end_user",
      method: "GET",
      path: /^\/v1\/end-users\/(?<id>[^/]+)$/,
      auth: "key",
      handle: ({ response, params }, app) => {
        const user = findEndUser(params["id"] ?? "");
        if (user === undefined || user.appId !== app.id)
          throw new ApiError(404, "end_user_not_found", "End user not found.");
        const at = new Date(user.createdAtMs).toISOString();
        sendJson(response, 200, {
          id: user.id,
          tenant_id: app.tenantId,
          app_id: app.id,
          type: "service-api",
          external_user_id: null,
          name: null,
          is_anonymous: false,
          session_id: user.sessionId,
          created_at: at,
          updated_at: at,
        });
      },
    },
    {
      operation: "parameters",
      method: "GET",
      path: /^\/v1\/parameters$/,
      auth: "key",
      handle: ({ response }, app) => {
        if (app.published === false)
          throw new ApiError(400, "app_unavailable", "App unavailable, please check your app configurations.");
        const limits = settings.uploadLimits;
        sendJson(response, 200, {
          opening_statement: "",
          suggested_questions: [],
          suggested_questions_after_answer: OFF,
          speech_to_text: OFF,
          text_to_speech: app.tts === true ? ALOUD : OFF,
          retriever_resource: OFF,
          annotation_reply: OFF,
          more_like_this: OFF,
          user_input_form: app.inputs.map((variable) => ({ [variable.type]: withDefaults(variable) })),
          sensitive_word_avoidance: { enabled: false, type: "", configs: [] },
          file_upload: {
            image: { enabled: false, number_limits: 3, detail: "high", transfer_methods: ["remote_url", "local_file"] },
          },
          system_parameters: {
            image_file_size_limit: toMegabytes(limits.image),
            video_file_size_limit: toMegabytes(limits.video),
            audio_file_size_limit: toMegabytes(limits.audio),
            file_size_limit: toMegabytes(limits.other),
            workflow_file_upload_limit: 10,
          },
        });
      },
    },
  ];
}

/** The editor always writes these members. */
function withDefaults(variable: { variable: string; type: string }): object {
  return { label: variable.variable, required: false, options: [], ...variable };
}
