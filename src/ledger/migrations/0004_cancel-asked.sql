ALTER TABLE "relay"."runs" ADD COLUMN "cancel_asked_at_ms" bigint;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "cancel_reason" text;--> statement-breakpoint
CREATE INDEX "runs_cancel_asked" ON "relay"."runs" USING btree ("cancel_asked_at_ms");