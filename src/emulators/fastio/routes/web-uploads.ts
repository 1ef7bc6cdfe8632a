import { ok, type Route } from "../http/route.ts";
import { readFields } from "../protocol/fields.ts";
import { formatTime } from "../protocol/times.ts";
import { WEB_UPLOAD_STATES, type WebUpload } from "../store/web-uploads.ts";
import type { World } from "../world.ts";
import { pageOf } from "./paging.ts";
import { folderIn, placeOf } from "./place.ts";
import { readName } from "./storage-change.ts";

const webUploadJson = (job: WebUpload): Record<string, unknown> => ({
  id: job.id,
  upload_id: job.id,
  source_url: job.sourceUrl,
  profile_id: job.profileId,
  file_name: job.fileName ?? null,
  status: job.state,
  ...(job.message === undefined ? {} : { status_message: job.message }),
  ...(job.nodeId === undefined ? {} : { new_file_id: job.nodeId }),
  created: formatTime(job.createdMs),
});

/** Import by URL: the server fetches, the client looks on. */
export const webUploadRoutes = (world: World): readonly Route[] => [
  {
    method: "POST",
    path: "/web_upload/",
    dialect: "both",
    handle: async (call) => {
      const fields = await call.form();
      const read = readFields(fields);
      const sourceUrl = read.required("source_url", { max: 8192, mistaken: ["url", "source"] });
      if (sourceUrl !== "" && !/^https?:$/.test(URL.parse(sourceUrl)?.protocol ?? ""))
        read.wrong("source_url", "Only http and https addresses are fetched.");
      const profileId = read.required("profile_id", { mistaken: ["instance_id", "workspace_id"] });
      read.required("profile_type");
      const kind = read.choice("profile_type", ["workspace", "share"]) ?? "workspace";
      const folderId = read.required("folder_id", { mistaken: ["parent", "parent_id"] });
      const fileName = fields.has("file_name") ? readName(read, "file_name") : undefined;
      read.done();
      const place = placeOf(world, kind, profileId, call);
      const folder = folderIn(world, place, folderId);
      const userId = call.user().id;
      const job = world.webUploads.start({
        userId,
        sourceUrl,
        profileId: place.id,
        drive: place.drive,
        folder,
        fileName,
      });
      return ok(webUploadJson(job));
    },
  },
  {
    method: "GET",
    path: "/web_upload/:job/details/",
    dialect: "both",
    handle: (call) => {
      const job = webUploadJson(world.webUploads.get(call.user().id, call.param("job")));
      return ok({ ...job, web_upload: job });
    },
  },
  {
    method: "GET",
    path: "/web_upload/",
    dialect: "both",
    handle: (call) => {
      const read = readFields(call.query);
      const status = read.choice("status", WEB_UPLOAD_STATES);
      read.done();
      const rows = world.webUploads.list(call.user().id).filter((job) => status === undefined || job.state === status);
      const { items, pagination } = pageOf(call.query, rows);
      return ok({ web_uploads: items.map(webUploadJson), pagination });
    },
  },
  {
    method: "DELETE",
    path: "/web_upload/",
    dialect: "both",
    handle: async (call) => {
      const read = readFields(new Map([...(await call.form()), ...call.query]));
      const id = read.required("id", { mistaken: ["upload_id"] });
      read.done();
      world.webUploads.cancel(world.webUploads.get(call.user().id, id));
      return ok();
    },
  },
];
