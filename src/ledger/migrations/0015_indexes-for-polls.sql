CREATE INDEX "events_routed" ON "relay"."events" USING btree ("routed_at_ms");--> statement-breakpoint
CREATE INDEX "runs_held" ON "relay"."runs" USING btree ("rule_name") WHERE status = 'held';--> statement-breakpoint
CREATE INDEX "runs_overdue" ON "relay"."runs" USING btree ("queued_at_ms") WHERE queue is not null and waiting_app is null;--> statement-breakpoint
CREATE INDEX "runs_uncalled" ON "relay"."runs" USING btree ("not_before_ms") WHERE queue is not null and waiting_app is not null;--> statement-breakpoint
CREATE INDEX "runs_finished" ON "relay"."runs" USING btree ("finished_at_ms") WHERE queue is null;--> statement-breakpoint
CREATE INDEX "runs_link_ends" ON "relay"."runs" USING btree ("share_expires_at_ms") WHERE share_closed_at_ms is null and share_expires_by = 'relay';--> statement-breakpoint
CREATE INDEX "runs_link_revoked" ON "relay"."runs" USING btree ("share_close_asked_at_ms") WHERE share_closed_at_ms is null and share_close_asked_at_ms is not null;