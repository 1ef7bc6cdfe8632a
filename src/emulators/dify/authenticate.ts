import { ApiError } from "./api-error.ts";
import type { EmulatedApp } from "./apps.ts";

/** @throws {ApiError} `not_workflow_app` for the key of a chat or any other app */
export function refuseOtherModes({ mode = "workflow" }: EmulatedApp): void {
  if (mode !== "workflow")
    throw new ApiError(400, "not_workflow_app", "Please check if your app mode matches the right API route.");
}

/**
 * Finds the app of a key, with Dify's order of checks: header, scheme, key, app.
 *
 * @throws {ApiError} 401 or 403
 */
export function authenticate(apps: readonly EmulatedApp[], authorization: string | undefined): EmulatedApp {
  const space = authorization?.indexOf(" ") ?? -1;
  if (authorization === undefined || space === -1)
    throw new ApiError(401, "unauthorized", "Authorization header must be provided and start with 'Bearer'");
  if (authorization.slice(0, space).toLowerCase() !== "bearer")
    throw new ApiError(401, "unauthorized", "Authorization scheme must be 'Bearer'");
  const key = authorization.slice(space + 1).trim();
  const app = apps.find((candidate) => candidate.key === key);
  if (app === undefined) throw new ApiError(401, "unauthorized", "Access token is invalid");
  if (app.apiEnabled === false) throw new ApiError(403, "forbidden", "The app's API service has been disabled.");
  return app;
}
