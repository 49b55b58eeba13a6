// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/load_for_writing.h"
#include "engine/archive/medium_story.h"
#include "engine/archive/medium_writer.h"
#include "engine/archive/stranger.h"
#include "engine/catalog/rows.h"
#include "engine/format/archaeology.h"
#include "tapeio/error.h"
#include "tapeio/records.h"

// What happens before the first bundle: checks, and the label of a blank medium.

namespace mixtape::archive {

std::string kind_of_media(const tapeio::Library& library) {
  const std::string url = library.url();
  return url.substr(0, url.find(':'));
}

std::unique_ptr<MediumWriter> MediumWriter::open(const WriteContext& context,
                                                 catalog::Ledger& ledger, tapeio::Library& library,
                                                 const std::string& label,
                                                 const std::optional<catalog::Medium>& known,
                                                 Reporter& reporter, Stranger stranger,
                                                 tapeio::ForPeople for_people) {
  const tapeio::PlacedMedium placed{
      .library = &library, .label = label, .location = known ? known->location : std::string()};
  std::unique_ptr<tapeio::TapeDrive> drive = load_for_writing(placed, reporter, for_people);
  const tapeio::MediumInfo info = *drive->medium();
  bool blank = (!known || ledger.bundles(known->id).empty()) && is_blank(*drive, known.has_value());
  if (!known && !blank) {
    if (stranger == Stranger::leave) {
      reporter.note("left medium " + label + " alone: it holds " + describe_stranger(*drive));
      return nullptr;
    }
    blank = true;
  }
  catalog::Medium medium;
  if (known) {
    medium = *known;
  } else {
    medium.uuid = catalog::new_uuid();
    medium.label = label;
    medium.kind = kind_of_media(library);
    medium.record_size = record_size_for(context.record_size, info);
    medium.capacity_bytes = info.capacity_bytes;
    // The row first: a medium without data claims nothing, and a label without a row would be a
    // stranger's.
    before_commit(context, "add medium");
    medium.id = ledger.add_medium(medium);
  }
  if (info.capacity_bytes && info.capacity_bytes != medium.capacity_bytes) {
    medium.capacity_bytes = info.capacity_bytes;  // Somebody edited it.
    before_commit(context, "set medium capacity");
    ledger.set_medium_capacity(medium.id, *info.capacity_bytes);
  }
  std::unique_ptr<MediumWriter> writer(
      new MediumWriter(context, ledger, reporter, std::move(drive), std::move(medium)));
  writer->ask_for_warning();
  if (blank) {
    writer->label();
  } else {
    writer->append_ = check_medium(context, ledger, writer->medium_, *writer->drive_, reporter);
  }
  ledger.label_seen(writer->medium_);
  return writer;
}

void MediumWriter::label() {
  format::MediumLabel label{.format = format::kTapeFormat,
                            .medium = medium_.uuid,
                            .catalog = ledger_.catalog_uuid(),
                            .label = medium_.label,
                            .record_size = medium_.record_size,
                            .recipients = {},
                            .created_s = context_.now_s(),
                            .program = "mixtape " MIXTAPE_VERSION};
  for (const format::Recipient& recipient : context_.recipients) {
    label.recipients.push_back(recipient.text());
  }
  set_open_end(true);
  drive_->rewind();
  drive_->name_next_file("archaeology.tar");
  tapeio::RecordWriter records(*drive_, medium_.record_size);
  format::write_archaeology(label, context_.archaeology.files_for(medium_.capacity_bytes), records);
  if (!records.reached_end()) {
    records.finish();
  }
  if (!records.has_filemark()) {
    set_full();
    set_open_end(false);
    throw Error(ErrorCode::no_space,
                "label medium " + medium_.label +
                    ": it ended before its label did, so it is too small or worn; use another one");
  }
  const tapeio::Position position = drive_->position();
  append_ = {.block = position.block, .file = position.file};
  labelled_now_ = true;
  if (const std::string why = tell_chip(*drive_, medium_.label, context_.now_s()); !why.empty()) {
    reporter_.note("medium " + medium_.label + ": its chip was not written: " + why);
  }
}

}  // namespace mixtape::archive
