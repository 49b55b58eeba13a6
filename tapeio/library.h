// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/drive_report.h"
#include "tapeio/drive_turns.h"
#include "tapeio/tape_drive.h"

// A library: drives, media, and what brings one to the other (a directory, a robot, a human).
//
// Threads:  internally synchronised.
// Errors:   throws Error{not_found, no_medium, conflict, busy, locked, no_space, io, invalid}.

namespace mixtape::tapeio {

struct MediumSlot {
  std::string label;
  std::uint64_t used_bytes = 0;  // As far as it can be known without moving anything.
  std::optional<std::uint64_t> capacity_bytes = std::nullopt;  // As far as known.
  bool loaded = false;          // In a drive now; a disk medium always is ready.
  std::uint64_t device_id = 0;  // Disk media: the disk it lies on; copies on one disk count once.
  // Loading it moves a cartridge or a tape and takes minutes: nobody does so only to look.
  bool moves = false;
  std::string place = {};  // For people: "slot 3", "drive 1", "import/export 2"; empty for disks.
};

// No medium, but in the place of one, and used up some day.
struct CleaningCartridge {
  std::string label;
  std::string place = {};                                 // As of a medium.
  std::optional<std::uint64_t> uses_left = std::nullopt;  // As far as known without a drive.
};

struct DriveSlot {
  std::string name;                     // "drive 1".
  std::string device;                   // What opens it: "/dev/nst0".
  std::string identity;                 // Vendor, product and serial, as far as known.
  std::string serial = {};              // Of the drive; empty while it is not known.
  std::vector<std::string> notes = {};  // How it is used, what it lacks, what is done instead.
  std::optional<std::string> medium;    // The label of what is in it; "" when that is unknown.
  bool unread = false;                  // It is unknown only until somebody reads the tape.
  std::string trouble = {};             // Why what is in it tells no label.
  bool in_use = false;                  // Somebody of this process has it.
};

// Between two looks at what is waited for. Error{cancelled} as soon as a stop is asked for.
void pause_unless_stopped(std::chrono::milliseconds pause, const std::stop_token& stop,
                          const std::string& doing);

// What a library of cartridges can do besides loading. Each waits until it is done and throws
// Error{not_found, busy, locked, conflict, no_space, unsupported, io}.
class CartridgeMover {
 public:
  virtual ~CartridgeMover() = default;
  [[nodiscard]] virtual std::vector<DriveSlot> drives() = 0;
  // Opens what drives it can without disturbing a tape, so that drives() tells what they are like.
  virtual void meet_drives() {}
  // Out of its drive, back to a storage slot (or, without a robot, out of the drive's mouth).
  virtual void unload(std::string_view label) = 0;
  // Those that are here, by their barcodes, in label order. Moves nothing.
  [[nodiscard]] virtual std::vector<CleaningCartridge> cleaning_cartridges() { return {}; }
  // Into an import/export slot, where a human takes it, also a cleaning cartridge; returns the
  // place.
  virtual std::string export_medium(std::string_view label) = 0;
  // Puts a cleaning cartridge into this drive and takes it out again when the drive is done.
  virtual void clean(std::string_view drive_name) = 0;
  // What the drives told each time that one was given back, oldest first, since the last call.
  [[nodiscard]] virtual std::vector<MediumReport> take_reports() { return {}; }
};

// What a load waits for, for people.
struct LoadWait {
  std::string what;  // One line without a full stop: "drive 1 gets ready with medium MX0007L9".
  std::optional<double> progress = std::nullopt;  // 0 to 1, where the drive tells.
  std::chrono::seconds waited{0};
};

// Whoever waits for a load: how he is told, and how he ends it.
struct LoadWatch {
  std::stop_token stop = {};  // Then Error{cancelled}; the cartridge stays where it is.
  // About once a second for as long as there is something to wait for. May be empty.
  std::function<void(const LoadWait&)> tell = {};
  // Somebody is there who does what Error{no_medium} asks for: then a drive that is fed by hand may
  // give out the tape that is in the way.
  bool asks_people = false;
  // Whoever loads it looks himself whether it is the right one: then a tape in a drive that is fed
  // by hand may be handed over for reading whose own label cannot be read.
  bool checks = false;
};

class Library {
 public:
  virtual ~Library() = default;

  // "dir:/path"; what open_library takes.
  [[nodiscard]] virtual std::string url() const = 0;

  // Every medium that is here now, in label order. Moves no cartridge; where a human puts tapes in
  // that nothing else can tell apart, each is rewound and its label read once.
  [[nodiscard]] virtual std::vector<MediumSlot> media() = 0;
  // As far as that is known without moving a tape: for who only shows them.
  [[nodiscard]] virtual std::vector<MediumSlot> glance() { return media(); }

  // Makes an empty medium. `label`: 1 to 32 of A-Z a-z 0-9 . _ - and not beginning with a dot or
  // dash. Error{conflict} when it exists. Libraries of cartridges throw Error{unsupported}.
  virtual void add_medium(std::string_view label, std::uint64_t capacity_bytes) = 0;

  // Puts the medium into a drive, head at the beginning, and hands the drive over; it goes back
  // when the returned object is destroyed. Error{not_found} when there is no such medium here. A
  // disk library has a drive for every reader, but one writer per medium: Error{conflict}. One
  // of cartridges may have lent every drive: Error{busy}, to be tried again later. What another
  // process or computer keeps from us is Error{locked}. What is in the drive when it comes back
  // stays there, so that loading it again moves no cartridge. A cartridge may take hours to get
  // ready: `watch` hears of it.
  enum class Access { read, write };
  [[nodiscard]] virtual std::unique_ptr<TapeDrive> load(std::string_view label, Access access,
                                                        const LoadWatch& watch) = 0;
  [[nodiscard]] std::unique_ptr<TapeDrive> load(std::string_view label, Access access) {
    return load(label, access, {});
  }

  // What its drives did since it was opened, in a sentence for people; empty where nobody counts.
  [[nodiscard]] virtual std::string drive_report() { return {}; }

  // Null for a library whose media are never moved.
  [[nodiscard]] virtual CartridgeMover* mover() { return nullptr; }

  // A human puts the tapes in: load() of one that is not in asks for it with Error{no_medium}, a
  // sentence for him, and finds it when it is asked again.
  [[nodiscard]] virtual bool is_fed_by_hand() const { return false; }

  // Who waits for one of its drives.
  [[nodiscard]] DriveTurns& turns() { return turns_; }

 private:
  DriveTurns turns_;
};

// A medium in the library that has it. `label` is what the library calls it.
struct PlacedMedium {
  Library* library;
  std::string label;
  // Where the label alone was trusted so far, because looking would have moved a cartridge: reads
  // what the medium says of itself, throws Error{wrong_medium} when it is another one.
  std::function<void(TapeDrive&)> check = {};
  std::string location = {};  // Where people keep it: "shelf B". Empty: not known.

  // As Library::load; the head stands anywhere when there was something to check. Only with
  // `watch.checks` may the tape be one whose label cannot be read.
  [[nodiscard]] std::unique_ptr<TapeDrive> load(Library::Access access,
                                                const LoadWatch& watch = {}) const;
};

// As medium.load(), but waits while every drive is lent and, where people are to be waited for,
// until the tape was put into a drive that is fed by hand; looks again each second, and is among
// the jobs in the library's turns() meanwhile. What others than this process hold is not waited
// for.
enum class ForPeople { wait, fail };
[[nodiscard]] std::unique_ptr<TapeDrive> load_when_ready(const PlacedMedium& medium,
                                                         Library::Access access,
                                                         const LoadWatch& watch,
                                                         ForPeople for_people);

// Whether `label` is as add_medium wants it: then it is also a safe name for a directory.
[[nodiscard]] bool is_valid_label(std::string_view label);
// Error{invalid} unless it is.
void require_valid_label(std::string_view label);

// The directory that a URL names ("dir:/PATH", "sim:/PATH,drives=2"); nullopt for devices, and for
// one without a path.
[[nodiscard]] std::optional<std::string> directory_of_library(std::string_view url);
// The same URL with another directory. Only for one that has a directory.
[[nodiscard]] std::string with_directory(std::string_view url, std::string_view directory);

inline constexpr std::string_view kDirScheme = "dir:";
inline constexpr std::string_view kSimScheme = "sim:";
inline constexpr std::string_view kChangerScheme = "changer:";

// What a tape says it is called; nullopt: it is blank, or not one of ours. May move the head and
// throw.
using LabelReader = std::function<std::optional<std::string>(TapeDrive&)>;

// The text without the user and password that an iscsi:// URL in it may have.
[[nodiscard]] std::string url_for_people(std::string_view text);

// Makes the Library that `url` names. A new kind of library is one more line in open_library.cc.
// `read_label`: for drives that a human feeds with tapes that nothing else can tell apart.
// Error{invalid} for an unknown scheme, naming the known ones; Error{not_found} when it is not
// there.
[[nodiscard]] std::unique_ptr<Library> open_library(std::string_view url,
                                                    const LabelReader& read_label = {});

}  // namespace mixtape::tapeio
