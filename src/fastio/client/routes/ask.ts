import type { Call } from "../api.ts";
import { path } from "../path.ts";

type Form = Readonly<Record<string, string | undefined>>;

/** The AI in its present form. */
export const agent = {
  create: (workspaceId: string, form: Form): Call => ({
    operation: "fastio.ask.create",
    method: "POST",
    path: path`/workspace/${workspaceId}/ai/agent/`,
    form,
  }),
  message: (workspaceId: string, chatId: string, question: string): Call => ({
    operation: "fastio.ask.follow_up",
    method: "POST",
    path: path`/workspace/${workspaceId}/ai/agent/${chatId}/message/`,
    form: { question },
  }),
  read: (workspaceId: string, chatId: string, messageId: string): Call => ({
    operation: "fastio.ask.read",
    method: "GET",
    path: path`/workspace/${workspaceId}/ai/agent/${chatId}/message/${messageId}/details/`,
  }),
  cancel: (workspaceId: string, chatId: string): Call => ({
    operation: "fastio.ask.cancel",
    method: "POST",
    path: path`/workspace/${workspaceId}/ai/agent/${chatId}/cancel/`,
    form: {},
  }),
} as const;

/** Its predecessor, which the written guide knows too. */
export const chat = {
  create: (workspaceId: string, form: Form): Call => ({
    operation: "fastio.ask.create",
    method: "POST",
    path: path`/workspace/${workspaceId}/ai/chat/`,
    form,
  }),
  message: (workspaceId: string, chatId: string, question: string): Call => ({
    operation: "fastio.ask.follow_up",
    method: "POST",
    path: path`/workspace/${workspaceId}/ai/chat/${chatId}/message/`,
    form: { question },
  }),
  read: (workspaceId: string, chatId: string, messageId: string): Call => ({
    operation: "fastio.ask.read",
    method: "GET",
    path: path`/workspace/${workspaceId}/ai/chat/${chatId}/message/${messageId}/details/`,
  }),
  /** The same as the guide spells it. */
  guideRead: (workspaceId: string, chatId: string, messageId: string): Call => ({
    operation: "fastio.ask.read",
    method: "GET",
    path: path`/workspace/${workspaceId}/ai/chat/${chatId}/messages/${messageId}/`,
  }),
  cancel: (workspaceId: string, chatId: string): Call => ({
    operation: "fastio.ask.cancel",
    method: "POST",
    path: path`/workspace/${workspaceId}/ai/chat/${chatId}/cancel/`,
    form: {},
  }),
} as const;
