/** What people see of every entity, and what every event says. */

// Written by `cairn generate` from the declarations in Python: edit those, then run it.

/** What an edit of a set says: an addition outlives a removal whose author had not seen it. */
export interface SetEdit<T extends string> {
  readonly add?: readonly T[];
  readonly remove?: readonly T[];
}

/** A map with free keys as pairs with ascending keys; a null value removes its key. */
export type Pairs = readonly (readonly [key: string, value: string | null])[];

/** The same as it is shown. */
export type ShownPairs = readonly (readonly [key: string, value: string])[];

/** The data of an event that says everything by its type. */
export type Nothing = Readonly<Record<string, never>>;

/** A postal address as people write it; one value, replaced as a whole. */
export interface Address {
  readonly street?: string;
  readonly city?: string;
  readonly postcode?: string;
  readonly region?: string;
  readonly country?: string;
}

export type Channel = "email" | "sms" | "phone" | "push";

/** One question of a checklist template. */
export interface ChecklistItem {
  readonly id: string;
  readonly kind: "yes_no" | "number" | "choice" | "text" | "photo" | "reading";
  readonly text: string;
  readonly required: boolean;
  readonly unit?: string;
  readonly at_least?: string;
  readonly at_most?: string;
  readonly choices?: readonly string[];
}

export type Hazard = "asbestos" | "confined_space" | "dog" | "electricity" | "gas" | "height" | "hostile_person" | "hot_work" | "traffic" | "water";

export type Kind = "repair" | "inspection" | "maintenance" | "installation" | "complaint" | "other";

export type Outcome = "resolved" | "follow_up" | "cannot_complete" | "no_access";

/** A place on earth: whole numbers of 1e-7 degrees (about a centimetre), WGS 84. */
export interface Position {
  readonly lat: number;
  readonly lon: number;
  readonly accuracy_m?: number;
  readonly source?: "gps" | "map" | "geocoder" | "import";
}

export type Priority = "none" | "low" | "normal" | "high" | "critical";

export type Role = "technician" | "dispatcher" | "supervisor" | "analyst" | "auditor" | "admin" | "integration";

/** What a note or an attachment is about. */
export interface Target {
  readonly type: string;
  readonly id: string;
}

/** A span in which somebody wants a visit; `start` is included, `end` is not. */
export interface Window {
  readonly start: string;
  readonly end: string;
}

export type WorkOrderStatus = "draft" | "open" | "scheduled" | "in_progress" | "on_hold" | "completed" | "approved" | "closed" | "cancelled";

export type VisitStatus = "planned" | "dispatched" | "accepted" | "travelling" | "on_site" | "paused" | "done" | "declined" | "cancelled";

export type DeviceStatus = "active" | "revoked";

/** A person or company that owns sites and pays for work. */
export interface Customer {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly name: string;
  readonly legal_id?: string | null;
  readonly contacts?: readonly string[];
  readonly billing_address?: Address | null;
  readonly language?: string | null;
  readonly comms_opt_out?: readonly Channel[];
  readonly note?: string | null;
}

/** Somebody to call or write to at a customer's. */
export interface Contact {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly customer_id: string;
  readonly name: string;
  readonly phone?: string | null;
  readonly email?: string | null;
  readonly role?: string | null;
}

/** A place where work is done. */
export interface Site {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly customer_id: string;
  readonly name: string;
  readonly address?: Address | null;
  readonly position?: Position | null;
  readonly access_code?: string | null;
  readonly hazards?: readonly Hazard[];
  readonly directions?: string | null;
  readonly opening_hours?: string | null;
  readonly geofence_m?: number | null;
  readonly timezone?: string | null;
}

/**
 * A thing at a site that is looked after: a pump, a lamp, a lift.
 *
 * Its events live in the scope of the site where it was first recorded, also after it has moved.
 */
export interface Asset {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly site_id: string;
  readonly parent_id?: string | null;
  readonly serial?: string | null;
  readonly model?: string | null;
  readonly qr_code?: string | null;
  readonly installed_on?: string | null;
  readonly warranty_until?: string | null;
  readonly condition?: "good" | "watch" | "fault" | "out" | null;
}

/** What a meter of an asset showed at a moment; a wrong reading is corrected by another that names it. */
export interface MeterReading {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly asset_id: string;
  readonly site_id: string;
  readonly meter: string;
  readonly value: string;
  readonly unit?: string | null;
  readonly read_at: string;
  readonly corrects_id?: string | null;
}

/** One job for one customer at one site, done in one or more visits. */
export interface WorkOrder {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly number?: string | null;
  readonly customer_id: string;
  readonly site_id: string;
  readonly assets?: readonly string[];
  readonly kind: Kind;
  readonly priority?: Priority;
  readonly title: string;
  readonly description?: string | null;
  readonly requested_window?: Window | null;
  readonly due_at?: string | null;
  readonly sla_id?: string | null;
  readonly required_skills?: readonly string[];
  readonly checklist_templates?: readonly string[];
  readonly requires_signature?: boolean;
  readonly billable?: boolean | null;
  readonly opened_at?: string | null;
  readonly status: WorkOrderStatus;
  readonly outcome?: Outcome | null;
  readonly resolution?: string | null;
  readonly completed_at?: string | null;
  readonly closed_at?: string | null;
  readonly hold_reason?: string | null;
  readonly cancel_reason?: string | null;
  readonly reopen_reason?: string | null;
}

/** One person's trip to one job, with the crew that comes along. */
export interface Visit {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly work_order_id: string;
  readonly assignee_id?: string | null;
  readonly crew?: readonly string[];
  readonly planned_start?: string | null;
  readonly planned_end?: string | null;
  readonly sequence?: string | null;
  readonly status: VisitStatus;
  readonly travel_started_at?: string | null;
  readonly arrived_at?: string | null;
  readonly finished_at?: string | null;
  readonly outcome?: Outcome | null;
  readonly resolution?: string | null;
  readonly decline_reason?: string | null;
  readonly cancel_reason?: string | null;
  readonly eta?: string | null;
}

/** One immutable version of a checklist; a changed checklist is a new entity with the next version number. */
export interface ChecklistTemplate {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly key: string;
  readonly template_version: number;
  readonly title: string;
  readonly items: readonly ChecklistItem[];
}

/** The answer to one item of one template at one visit. */
export interface ChecklistAnswer {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly work_order_id: string;
  readonly visit_id: string;
  readonly template_id: string;
  readonly item_id: string;
  readonly value?: boolean | string | readonly string[] | null;
  readonly skipped_reason?: string | null;
}

/** What somebody wrote down; never edited, corrected by another note that refers to it. */
export interface Note {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly home: string;
  readonly target: Target;
  readonly body: string;
  readonly written_at?: string | null;
  readonly author_id?: string | null;
  readonly visibility?: "internal" | "customer";
  readonly corrects_id?: string | null;
}

/** A photo or a file, named by the hash of its content; the bytes travel apart from the events. */
export interface Attachment {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly home: string;
  readonly target: Target;
  readonly sha256: string;
  readonly mime: string;
  readonly size: number;
  readonly name?: string | null;
  readonly width?: number | null;
  readonly height?: number | null;
  readonly taken_at?: string | null;
  readonly geo?: Position | null;
  readonly caption?: string | null;
  readonly annotations?: readonly string[];
  readonly redacted_of?: string | null;
  readonly upload?: "awaited" | "stored" | null;
}

/** Somebody's name under what they were shown. */
export interface Signature {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly work_order_id: string;
  readonly visit_id: string;
  readonly signer_name?: string | null;
  readonly signer_role?: string | null;
  readonly strokes?: readonly (readonly number[])[] | null;
  readonly png_sha256?: string | null;
  readonly document_hash: string;
  readonly signed_at?: string | null;
  readonly refused_reason?: string | null;
}

/** A span of one person's time on one visit; a correction is another entry that refers to this one. */
export interface TimeEntry {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly work_order_id: string;
  readonly visit_id: string;
  readonly person_id: string;
  readonly kind: "travel" | "work" | "break";
  readonly started_at: string;
  readonly stopped_at?: string | null;
  readonly corrects_id?: string | null;
}

/** Something on the price list. */
export interface Part {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly sku: string;
  readonly name: string;
  readonly unit?: string | null;
  readonly unit_cost?: string | null;
  readonly currency?: string | null;
  readonly barcode?: readonly string[];
}

/** A warehouse or a van; how much lies there follows from the uses of parts that name it. */
export interface StockLocation {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly name: string;
  readonly kind: "warehouse" | "van";
  readonly owner_id?: string | null;
}

/** Parts taken for a job: a positive quantity was used, a negative one went back. */
export interface PartUse {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly work_order_id: string;
  readonly visit_id?: string | null;
  readonly part_id: string;
  readonly stock_location_id?: string | null;
  readonly quantity: string;
  readonly used_at?: string | null;
  readonly serial?: string | null;
  readonly reversal_of?: string | null;
}

/** Somebody who works for the tenant, as others see them; what they may do is decided by their account. */
export interface Person {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly name: string;
  readonly email?: string | null;
  readonly role: Role;
  readonly skills?: readonly string[];
  readonly active?: boolean;
}

/** A phone, tablet or browser that holds a replica. */
export interface Device {
  readonly archived?: boolean;
  readonly tags?: readonly string[];
  readonly custom?: ShownPairs;
  readonly owner_id: string;
  readonly name: string;
  readonly public_key?: string | null;
  readonly status: DeviceStatus;
  readonly platform?: string | null;
  readonly app_version?: string | null;
  readonly last_seen?: string | null;
  readonly skew_ms?: number | null;
  readonly outbox_depth?: number | null;
}

export interface CustomerCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly name: string;
  readonly legal_id?: string | null;
  readonly contacts?: SetEdit<string>;
  readonly billing_address?: Address | null;
  readonly language?: string | null;
  readonly comms_opt_out?: SetEdit<Channel>;
  readonly note?: string | null;
}

export interface CustomerEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly name?: string;
  readonly legal_id?: string | null;
  readonly contacts?: SetEdit<string>;
  readonly billing_address?: Address | null;
  readonly language?: string | null;
  readonly comms_opt_out?: SetEdit<Channel>;
  readonly note?: string | null;
}

export type CustomerArchived = Nothing;

export type CustomerRestored = Nothing;

export interface ContactCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly customer_id: string;
  readonly name: string;
  readonly phone?: string | null;
  readonly email?: string | null;
  readonly role?: string | null;
}

export interface ContactEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly name?: string;
  readonly phone?: string | null;
  readonly email?: string | null;
  readonly role?: string | null;
}

export type ContactArchived = Nothing;

export type ContactRestored = Nothing;

export interface SiteCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly customer_id: string;
  readonly name: string;
  readonly address?: Address | null;
  readonly position?: Position | null;
  readonly access_code?: string | null;
  readonly hazards?: SetEdit<Hazard>;
  readonly directions?: string | null;
  readonly opening_hours?: string | null;
  readonly geofence_m?: number | null;
  readonly timezone?: string | null;
}

export interface SiteEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly name?: string;
  readonly address?: Address | null;
  readonly position?: Position | null;
  readonly access_code?: string | null;
  readonly hazards?: SetEdit<Hazard>;
  readonly directions?: string | null;
  readonly opening_hours?: string | null;
  readonly geofence_m?: number | null;
  readonly timezone?: string | null;
}

export type SiteArchived = Nothing;

export type SiteRestored = Nothing;

export interface AssetCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly site_id: string;
  readonly parent_id?: string | null;
  readonly serial?: string | null;
  readonly model?: string | null;
  readonly qr_code?: string | null;
  readonly installed_on?: string | null;
  readonly warranty_until?: string | null;
  readonly condition?: "good" | "watch" | "fault" | "out" | null;
}

export interface AssetEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly site_id?: string;
  readonly parent_id?: string | null;
  readonly serial?: string | null;
  readonly model?: string | null;
  readonly qr_code?: string | null;
  readonly installed_on?: string | null;
  readonly warranty_until?: string | null;
  readonly condition?: "good" | "watch" | "fault" | "out" | null;
}

export type AssetArchived = Nothing;

export type AssetRestored = Nothing;

export interface AssetConditionReported {
  readonly condition: "good" | "watch" | "fault" | "out" | null;
}

export interface AssetMoved {
  readonly site_id: string;
}

export interface MeterReadingCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly asset_id: string;
  readonly site_id: string;
  readonly meter: string;
  readonly value: string;
  readonly unit?: string | null;
  readonly read_at: string;
  readonly corrects_id?: string | null;
}

export type MeterRead = MeterReadingCreated;

export interface MeterReadingEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
}

export type MeterReadingArchived = Nothing;

export type MeterReadingRestored = Nothing;

export interface WorkOrderCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly customer_id: string;
  readonly site_id: string;
  readonly assets?: SetEdit<string>;
  readonly kind: Kind;
  readonly priority?: Priority;
  readonly title: string;
  readonly description?: string | null;
  readonly requested_window?: Window | null;
  readonly due_at?: string | null;
  readonly sla_id?: string | null;
  readonly required_skills?: SetEdit<string>;
  readonly checklist_templates?: SetEdit<string>;
  readonly requires_signature?: boolean;
  readonly billable?: boolean | null;
  readonly opened_at?: string | null;
  readonly outcome?: Outcome | null;
  readonly resolution?: string | null;
  readonly completed_at?: string | null;
  readonly closed_at?: string | null;
  readonly hold_reason?: string | null;
  readonly cancel_reason?: string | null;
  readonly reopen_reason?: string | null;
}

export interface WorkOrderEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly assets?: SetEdit<string>;
  readonly kind?: Kind;
  readonly priority?: Priority;
  readonly title?: string;
  readonly description?: string | null;
  readonly requested_window?: Window | null;
  readonly due_at?: string | null;
  readonly sla_id?: string | null;
  readonly required_skills?: SetEdit<string>;
  readonly checklist_templates?: SetEdit<string>;
  readonly requires_signature?: boolean;
  readonly billable?: boolean | null;
  readonly opened_at?: string | null;
  readonly outcome?: Outcome | null;
  readonly resolution?: string | null;
  readonly completed_at?: string | null;
  readonly closed_at?: string | null;
  readonly hold_reason?: string | null;
  readonly cancel_reason?: string | null;
  readonly reopen_reason?: string | null;
}

export type WorkOrderArchived = Nothing;

export type WorkOrderRestored = Nothing;

export interface WorkOrderOpened {
  readonly opened_at?: string | null;
}

export type WorkOrderScheduled = Nothing;

export type WorkOrderUnscheduled = Nothing;

export type WorkOrderStarted = Nothing;

export interface WorkOrderPutOnHold {
  readonly hold_reason?: string | null;
}

export type WorkOrderResumed = Nothing;

export interface WorkOrderCompleted {
  readonly outcome?: Outcome | null;
  readonly resolution?: string | null;
  readonly completed_at?: string | null;
}

export type WorkOrderApproved = Nothing;

export interface WorkOrderClosed {
  readonly closed_at?: string | null;
}

export interface WorkOrderReopened {
  readonly reopen_reason: string | null;
}

export interface WorkOrderCancelled {
  readonly cancel_reason: string | null;
}

export interface VisitCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly work_order_id: string;
  readonly assignee_id?: string | null;
  readonly crew?: SetEdit<string>;
  readonly planned_start?: string | null;
  readonly planned_end?: string | null;
  readonly sequence?: string | null;
  readonly travel_started_at?: string | null;
  readonly arrived_at?: string | null;
  readonly finished_at?: string | null;
  readonly outcome?: Outcome | null;
  readonly resolution?: string | null;
  readonly decline_reason?: string | null;
  readonly cancel_reason?: string | null;
}

export type VisitPlanned = VisitCreated;

export interface VisitEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly assignee_id?: string | null;
  readonly crew?: SetEdit<string>;
  readonly planned_start?: string | null;
  readonly planned_end?: string | null;
  readonly sequence?: string | null;
  readonly travel_started_at?: string | null;
  readonly arrived_at?: string | null;
  readonly finished_at?: string | null;
  readonly outcome?: Outcome | null;
  readonly resolution?: string | null;
  readonly decline_reason?: string | null;
  readonly cancel_reason?: string | null;
}

export type VisitArchived = Nothing;

export type VisitRestored = Nothing;

export type VisitDispatched = Nothing;

export interface VisitReassigned {
  readonly assignee_id: string | null;
}

export interface VisitRescheduled {
  readonly planned_start?: string | null;
  readonly planned_end?: string | null;
  readonly sequence?: string | null;
}

export type VisitAccepted = Nothing;

export interface VisitDeclined {
  readonly decline_reason?: string | null;
}

export interface VisitTravelStarted {
  readonly travel_started_at?: string | null;
}

export interface VisitArrived {
  readonly arrived_at?: string | null;
}

export type VisitPaused = Nothing;

export type VisitContinued = Nothing;

export interface VisitFinished {
  readonly finished_at?: string | null;
  readonly outcome: Outcome | null;
  readonly resolution?: string | null;
}

export interface VisitCancelled {
  readonly cancel_reason?: string | null;
}

export interface ChecklistTemplateCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly key: string;
  readonly template_version: number;
  readonly title: string;
  readonly items: readonly ChecklistItem[];
}

export interface ChecklistTemplateEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
}

export type ChecklistTemplateArchived = Nothing;

export type ChecklistTemplateRestored = Nothing;

export interface ChecklistAnswerCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly work_order_id: string;
  readonly visit_id: string;
  readonly template_id: string;
  readonly item_id: string;
  readonly value?: boolean | string | readonly string[] | null;
  readonly skipped_reason?: string | null;
}

export type ChecklistItemAnswered = ChecklistAnswerCreated;

export interface ChecklistAnswerEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly value?: boolean | string | readonly string[] | null;
  readonly skipped_reason?: string | null;
}

export type ChecklistAnswerArchived = Nothing;

export type ChecklistAnswerRestored = Nothing;

export interface NoteCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly home: string;
  readonly target: Target;
  readonly body: string;
  readonly written_at?: string | null;
  readonly author_id?: string | null;
  readonly visibility?: "internal" | "customer";
  readonly corrects_id?: string | null;
}

export type NoteWritten = NoteCreated;

export interface NoteEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly visibility?: "internal" | "customer";
}

export type NoteArchived = Nothing;

export type NoteRestored = Nothing;

export interface AttachmentCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly home: string;
  readonly target: Target;
  readonly sha256: string;
  readonly mime: string;
  readonly size: number;
  readonly name?: string | null;
  readonly width?: number | null;
  readonly height?: number | null;
  readonly taken_at?: string | null;
  readonly geo?: Position | null;
  readonly caption?: string | null;
  readonly annotations?: SetEdit<string>;
  readonly redacted_of?: string | null;
}

export type PhotoAttached = AttachmentCreated;

export interface AttachmentEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly sha256?: string;
  readonly mime?: string;
  readonly size?: number;
  readonly name?: string | null;
  readonly width?: number | null;
  readonly height?: number | null;
  readonly taken_at?: string | null;
  readonly geo?: Position | null;
  readonly caption?: string | null;
  readonly annotations?: SetEdit<string>;
}

export type AttachmentArchived = Nothing;

export type AttachmentRestored = Nothing;

export interface SignatureCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly work_order_id: string;
  readonly visit_id: string;
  readonly signer_name?: string | null;
  readonly signer_role?: string | null;
  readonly strokes?: readonly (readonly number[])[] | null;
  readonly png_sha256?: string | null;
  readonly document_hash: string;
  readonly signed_at?: string | null;
  readonly refused_reason?: string | null;
}

export type SignatureTaken = SignatureCreated;

export interface SignatureEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly signer_name?: string | null;
  readonly signer_role?: string | null;
  readonly strokes?: readonly (readonly number[])[] | null;
  readonly png_sha256?: string | null;
  readonly document_hash?: string;
  readonly signed_at?: string | null;
  readonly refused_reason?: string | null;
}

export type SignatureArchived = Nothing;

export type SignatureRestored = Nothing;

export interface TimeEntryCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly work_order_id: string;
  readonly visit_id: string;
  readonly person_id: string;
  readonly kind: "travel" | "work" | "break";
  readonly started_at: string;
  readonly stopped_at?: string | null;
  readonly corrects_id?: string | null;
}

export type TimerStarted = TimeEntryCreated;

export interface TimeEntryEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly started_at?: string;
  readonly stopped_at?: string | null;
}

export type TimeEntryArchived = Nothing;

export type TimeEntryRestored = Nothing;

export interface TimerStopped {
  readonly stopped_at: string | null;
}

export interface PartCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly sku: string;
  readonly name: string;
  readonly unit?: string | null;
  readonly unit_cost?: string | null;
  readonly currency?: string | null;
  readonly barcode?: SetEdit<string>;
}

export interface PartEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly sku?: string;
  readonly name?: string;
  readonly unit?: string | null;
  readonly unit_cost?: string | null;
  readonly currency?: string | null;
  readonly barcode?: SetEdit<string>;
}

export type PartArchived = Nothing;

export type PartRestored = Nothing;

export interface StockLocationCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly name: string;
  readonly kind: "warehouse" | "van";
  readonly owner_id?: string | null;
}

export interface StockLocationEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly name?: string;
  readonly owner_id?: string | null;
}

export type StockLocationArchived = Nothing;

export type StockLocationRestored = Nothing;

export interface PartUseCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly work_order_id: string;
  readonly visit_id?: string | null;
  readonly part_id: string;
  readonly stock_location_id?: string | null;
  readonly quantity: string;
  readonly used_at?: string | null;
  readonly serial?: string | null;
  readonly reversal_of?: string | null;
}

export type PartUsed = PartUseCreated;

export interface PartUseEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly quantity?: string;
}

export type PartUseArchived = Nothing;

export type PartUseRestored = Nothing;

export interface PersonCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly name: string;
  readonly email?: string | null;
  readonly role: Role;
  readonly skills?: SetEdit<string>;
  readonly active?: boolean;
}

export interface PersonEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly name?: string;
  readonly email?: string | null;
  readonly role?: Role;
  readonly skills?: SetEdit<string>;
  readonly active?: boolean;
}

export type PersonArchived = Nothing;

export type PersonRestored = Nothing;

export interface DeviceCreated {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly owner_id: string;
  readonly name: string;
  readonly public_key?: string | null;
}

export type DeviceEnrolled = DeviceCreated;

export interface DeviceEdited {
  readonly tags?: SetEdit<string>;
  readonly custom?: Pairs;
  readonly name?: string;
  readonly public_key?: string | null;
}

export type DeviceArchived = Nothing;

export type DeviceRestored = Nothing;

export type DeviceRevoked = Nothing;

/** Every entity by its name on the wire, with one value per field that somebody wrote. */
export interface Entities {
  readonly customer: Customer;
  readonly contact: Contact;
  readonly site: Site;
  readonly asset: Asset;
  readonly meter_reading: MeterReading;
  readonly work_order: WorkOrder;
  readonly visit: Visit;
  readonly checklist_template: ChecklistTemplate;
  readonly checklist_answer: ChecklistAnswer;
  readonly note: Note;
  readonly attachment: Attachment;
  readonly signature: Signature;
  readonly time_entry: TimeEntry;
  readonly part: Part;
  readonly stock_location: StockLocation;
  readonly part_use: PartUse;
  readonly person: Person;
  readonly device: Device;
}

/** Every event's data by its entity and its type. */
export interface EventData {
  readonly customer: {
    readonly Created: CustomerCreated;
    readonly Edited: CustomerEdited;
    readonly Archived: CustomerArchived;
    readonly Restored: CustomerRestored;
  };
  readonly contact: {
    readonly Created: ContactCreated;
    readonly Edited: ContactEdited;
    readonly Archived: ContactArchived;
    readonly Restored: ContactRestored;
  };
  readonly site: {
    readonly Created: SiteCreated;
    readonly Edited: SiteEdited;
    readonly Archived: SiteArchived;
    readonly Restored: SiteRestored;
  };
  readonly asset: {
    readonly Created: AssetCreated;
    readonly Edited: AssetEdited;
    readonly Archived: AssetArchived;
    readonly Restored: AssetRestored;
    readonly AssetConditionReported: AssetConditionReported;
    readonly AssetMoved: AssetMoved;
  };
  readonly meter_reading: {
    readonly Created: MeterReadingCreated;
    readonly MeterRead: MeterRead;
    readonly Edited: MeterReadingEdited;
    readonly Archived: MeterReadingArchived;
    readonly Restored: MeterReadingRestored;
  };
  readonly work_order: {
    readonly Created: WorkOrderCreated;
    readonly Edited: WorkOrderEdited;
    readonly Archived: WorkOrderArchived;
    readonly Restored: WorkOrderRestored;
    readonly WorkOrderOpened: WorkOrderOpened;
    readonly WorkOrderScheduled: WorkOrderScheduled;
    readonly WorkOrderUnscheduled: WorkOrderUnscheduled;
    readonly WorkOrderStarted: WorkOrderStarted;
    readonly WorkOrderPutOnHold: WorkOrderPutOnHold;
    readonly WorkOrderResumed: WorkOrderResumed;
    readonly WorkOrderCompleted: WorkOrderCompleted;
    readonly WorkOrderApproved: WorkOrderApproved;
    readonly WorkOrderClosed: WorkOrderClosed;
    readonly WorkOrderReopened: WorkOrderReopened;
    readonly WorkOrderCancelled: WorkOrderCancelled;
  };
  readonly visit: {
    readonly Created: VisitCreated;
    readonly VisitPlanned: VisitPlanned;
    readonly Edited: VisitEdited;
    readonly Archived: VisitArchived;
    readonly Restored: VisitRestored;
    readonly VisitDispatched: VisitDispatched;
    readonly VisitReassigned: VisitReassigned;
    readonly VisitRescheduled: VisitRescheduled;
    readonly VisitAccepted: VisitAccepted;
    readonly VisitDeclined: VisitDeclined;
    readonly VisitTravelStarted: VisitTravelStarted;
    readonly VisitArrived: VisitArrived;
    readonly VisitPaused: VisitPaused;
    readonly VisitContinued: VisitContinued;
    readonly VisitFinished: VisitFinished;
    readonly VisitCancelled: VisitCancelled;
  };
  readonly checklist_template: {
    readonly Created: ChecklistTemplateCreated;
    readonly Edited: ChecklistTemplateEdited;
    readonly Archived: ChecklistTemplateArchived;
    readonly Restored: ChecklistTemplateRestored;
  };
  readonly checklist_answer: {
    readonly Created: ChecklistAnswerCreated;
    readonly ChecklistItemAnswered: ChecklistItemAnswered;
    readonly Edited: ChecklistAnswerEdited;
    readonly Archived: ChecklistAnswerArchived;
    readonly Restored: ChecklistAnswerRestored;
  };
  readonly note: {
    readonly Created: NoteCreated;
    readonly NoteWritten: NoteWritten;
    readonly Edited: NoteEdited;
    readonly Archived: NoteArchived;
    readonly Restored: NoteRestored;
  };
  readonly attachment: {
    readonly Created: AttachmentCreated;
    readonly PhotoAttached: PhotoAttached;
    readonly Edited: AttachmentEdited;
    readonly Archived: AttachmentArchived;
    readonly Restored: AttachmentRestored;
  };
  readonly signature: {
    readonly Created: SignatureCreated;
    readonly SignatureTaken: SignatureTaken;
    readonly Edited: SignatureEdited;
    readonly Archived: SignatureArchived;
    readonly Restored: SignatureRestored;
  };
  readonly time_entry: {
    readonly Created: TimeEntryCreated;
    readonly TimerStarted: TimerStarted;
    readonly Edited: TimeEntryEdited;
    readonly Archived: TimeEntryArchived;
    readonly Restored: TimeEntryRestored;
    readonly TimerStopped: TimerStopped;
  };
  readonly part: {
    readonly Created: PartCreated;
    readonly Edited: PartEdited;
    readonly Archived: PartArchived;
    readonly Restored: PartRestored;
  };
  readonly stock_location: {
    readonly Created: StockLocationCreated;
    readonly Edited: StockLocationEdited;
    readonly Archived: StockLocationArchived;
    readonly Restored: StockLocationRestored;
  };
  readonly part_use: {
    readonly Created: PartUseCreated;
    readonly PartUsed: PartUsed;
    readonly Edited: PartUseEdited;
    readonly Archived: PartUseArchived;
    readonly Restored: PartUseRestored;
  };
  readonly person: {
    readonly Created: PersonCreated;
    readonly Edited: PersonEdited;
    readonly Archived: PersonArchived;
    readonly Restored: PersonRestored;
  };
  readonly device: {
    readonly Created: DeviceCreated;
    readonly DeviceEnrolled: DeviceEnrolled;
    readonly Edited: DeviceEdited;
    readonly Archived: DeviceArchived;
    readonly Restored: DeviceRestored;
    readonly DeviceRevoked: DeviceRevoked;
  };
}

export type EntityName = keyof Entities;

/** One event's data with what it is about: narrowed by its entity's type and its own. */
export type Told = {
  [E in EntityName]: {
    [T in keyof EventData[E]]: { readonly entityType: E; readonly type: T; readonly data: EventData[E][T] };
  }[keyof EventData[E]];
}[EntityName];
