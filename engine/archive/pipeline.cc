// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/pipeline.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "engine/archive/cut.h"
#include "engine/archive/flow.h"
#include "engine/archive/streaming.h"
#include "engine/format/digest.h"

namespace mixtape::archive {
namespace {

// Plaintext under way between reader and sealers, in MiB. The bytes of one file can only be hashed
// one after the other, which is slower than all the rest together: so many slabs let the next file
// be hashed on another processor while the one before is not done.
constexpr std::size_t kSlabs = 128;
constexpr unsigned kMostSealers = 16;
// The least ring: two slabs under way and the tail that a cut has to hold.
constexpr std::uint64_t kLeastRingBytes = 4 * MiB;
constexpr std::size_t kLeastRingRecords = 8;

// One chunk's seal and its place, for chunks that lie across two records.
using SealedChunk = std::array<std::byte, format::kSealedChunk>;

class Sealer {
 public:
  Sealer(ArchiveFlow& flow, std::span<const Item> items, const ArchivePlan& plan,
         const format::AgePreamble& preamble, const ContentTap& tap,
         std::vector<std::optional<format::Digest>>& hashes)
      : flow_(flow), items_(items), plan_(plan), preamble_(preamble), tap_(tap), hashes_(hashes) {}

  void run() {
    while (const std::optional<Task> task = flow_.next_task(window_)) {
      switch (task->kind) {
        case Task::Kind::seal:
          seal(*task->slab);
          break;
        case Task::Kind::hash_files:
          hash(*task, hasher_, ends_);
          break;
        case Task::Kind::hash_stretch:
          hash(*task, task->file->hasher, task->file->ends);
          break;
      }
      flow_.done(*task);
    }
  }

 private:
  void seal(const Slab& slab) {
    const std::uint64_t preamble = preamble_.bytes.size();
    if (slab.index == 0) {
      window_.put(0, preamble_.bytes);
    }
    const std::uint64_t last = format::chunk_count(plan_.plain_bytes) - 1;
    for (std::size_t from = 0; from < slab.size; from += format::kChunk) {
      const std::uint64_t chunk = slab.index * kSlabChunks + from / format::kChunk;
      const ByteView plain{slab.bytes.get() + from, std::min(format::kChunk, slab.size - from)};
      const std::uint64_t place = preamble + chunk * format::kSealedChunk;
      const std::size_t size = plain.size() + (format::kSealedChunk - format::kChunk);
      const MutableBytes direct = window_.at(place, size);
      const MutableBytes sealed = direct.empty() ? MutableBytes(across_).first(size) : direct;
      format::seal_chunk(preamble_.payload_key, chunk, chunk == last, plain, sealed);
      if (direct.empty()) {
        window_.put(place, sealed);
      }
    }
  }

  void hash(const Task& task, format::Hasher& hasher, FileEnds& ends) {
    static constexpr std::array<std::byte, 64 * KiB> kZeros{};
    for (std::size_t i = task.first_piece; i < task.end_piece; ++i) {
      const HashPiece& piece = task.slab->pieces[i];
      const ByteView bytes{task.slab->bytes.get() + piece.offset, piece.size};
      for (std::uint64_t left = piece.zeros_before; left > 0;) {
        const std::size_t count = std::min<std::uint64_t>(left, kZeros.size());
        hasher.update(ByteView(kZeros).first(count));
        left -= count;
      }
      hasher.update(bytes);
      if (tap_.seen) {
        collect(piece, bytes, ends);
      }
      if (piece.last) {
        hashes_[piece.member] = hasher.finish();
        if (tap_.seen) {
          ends.end(tap_, *hashes_[piece.member]);
        }
      }
    }
  }

  void collect(const HashPiece& piece, ByteView bytes, FileEnds& ends) {
    if (piece.first) {
      ends.begin(tap_, items_[plan_.members[piece.member].item].size);
    }
    ends.skip_zeros(piece.zeros_before);
    ends.take(bytes);
  }

  ArchiveFlow& flow_;
  std::span<const Item> items_;
  const ArchivePlan& plan_;
  const format::AgePreamble& preamble_;
  const ContentTap& tap_;
  std::vector<std::optional<format::Digest>>& hashes_;
  format::Hasher hasher_;
  FileEnds ends_;
  RecordWindow window_;
  SealedChunk across_;
};

// The stage that owns the drive: takes records in order and ends the archive where the medium says
// so.
class DriveStage {
 public:
  DriveStage(ArchiveFlow& flow, const ArchivePlan& plan, const format::AgePreamble& preamble,
             tapeio::TapeDrive& drive, const PipelineOptions& options, std::size_t ring_records)
      : flow_(flow),
        plan_(plan),
        preamble_(preamble),
        drive_(drive),
        options_(options),
        feed_(options.streaming, ring_records) {
    end_at(plan.plain_bytes);
  }

  void run(ArchiveResult& result) {
    write_records(result);
    result.underruns = feed_.underruns();
  }

 private:
  void write_records(ArchiveResult& result) {
    result.end = ArchiveResult::End::complete;
    while (result.records < total_records_) {
      if (!flow_.wait_ready(wanted(result))) {
        result.end = ArchiveResult::End::cancelled;
        return;
      }
      if (cut_ && result.records == tail_record_) {
        rewrite_tail();
      }
      const auto handed = std::chrono::steady_clock::now();
      const tapeio::WriteResult written = drive_.write_record(flow_.front());
      result.taking_s +=
          std::chrono::duration<double>(std::chrono::steady_clock::now() - handed).count();
      if (!written.written) {
        result.end = ArchiveResult::End::end_of_medium;
        return;
      }
      flow_.drop_front();
      ++result.records;
      if (written.early_warning && !result.warned) {
        result.warned = true;
        shorten(result);
      }
      if (options_.on_record) {
        options_.on_record(result.records);
      }
    }
    result.plain_bytes = plain_bytes_;
  }

  void end_at(std::uint64_t plain_bytes) {
    plain_bytes_ = plain_bytes;
    total_records_ =
        format::cipher_size(preamble_.bytes.size(), plain_bytes) / options_.record_size;
  }

  // How many records must be there before the next one is written.
  std::size_t wanted(const ArchiveResult& result) {
    const std::uint64_t left = total_records_ - result.records;
    if (cut_ && result.records == tail_record_) {
      return static_cast<std::size_t>(left);
    }
    return feed_.wanted(flow_.ready(), left);
  }

  void shorten(ArchiveResult& result) {
    cut_ = choose_cut(plan_, {.handed_bytes = result.records * options_.record_size,
                              .room_bytes = options_.room_after_warning,
                              .preamble_bytes = preamble_.bytes.size(),
                              .record_size = options_.record_size});
    if (!cut_) {
      return;
    }
    result.end = ArchiveResult::End::early_warning;
    end_at(cut_->plain_bytes);
    tail_chunk_ = std::min(cut_->zeros_from, cut_->plain_bytes - 1) / format::kChunk;
    tail_record_ = place(tail_chunk_) / options_.record_size;
    flow_.limit(cut_->plain_bytes);
  }

  [[nodiscard]] std::uint64_t place(std::uint64_t chunk) const {
    return preamble_.bytes.size() + chunk * format::kSealedChunk;
  }

  // Opens the chunks from tail_chunk_ on, of which the drive has nothing, and seals them again as
  // the end of the shortened archive. Their plaintext comes from the seals, not from the sources:
  // it is what was hashed.
  void rewrite_tail() {
    const std::uint64_t planned_last = format::chunk_count(plan_.plain_bytes) - 1;
    const std::uint64_t last = format::chunk_count(plain_bytes_) - 1;
    // To the planned end of the last chunk: it was sealed whole, though what is behind the new end
    // is not written any more.
    RecordWindow window;
    flow_.open_sealed(place(tail_chunk_),
                      format::cipher_size(preamble_.bytes.size(),
                                          std::min(plan_.plain_bytes, (last + 1) * format::kChunk)),
                      window);
    std::array<std::byte, format::kChunk> plain_buffer;
    SealedChunk sealed_buffer;
    for (std::uint64_t chunk = tail_chunk_; chunk <= last; ++chunk) {
      const std::uint64_t start = chunk * format::kChunk;
      const auto length = [&](std::uint64_t end) {
        return static_cast<std::size_t>(std::min<std::uint64_t>(format::kChunk, end - start));
      };
      const MutableBytes planned = MutableBytes(plain_buffer).first(length(plan_.plain_bytes));
      const MutableBytes was =
          MutableBytes(sealed_buffer).first(planned.size() + format::kSealedChunk - format::kChunk);
      window.get(place(chunk), was);
      format::open_chunk(preamble_.payload_key, chunk, chunk == planned_last, was, planned);
      const MutableBytes plain = planned.first(length(plain_bytes_));
      const std::uint64_t keep =
          std::clamp<std::uint64_t>(cut_->zeros_from, start, start + plain.size());
      std::ranges::fill(plain.subspan(static_cast<std::size_t>(keep - start)), std::byte{});
      const MutableBytes sealed =
          MutableBytes(sealed_buffer).first(plain.size() + format::kSealedChunk - format::kChunk);
      format::seal_chunk(preamble_.payload_key, chunk, chunk == last, plain, sealed);
      window.put(place(chunk), sealed);
    }
  }

  ArchiveFlow& flow_;
  const ArchivePlan& plan_;
  const format::AgePreamble& preamble_;
  tapeio::TapeDrive& drive_;
  const PipelineOptions& options_;
  DriveFeed feed_;
  std::uint64_t plain_bytes_ = 0;
  std::uint64_t total_records_ = 0;
  std::optional<Cut> cut_;
  std::uint64_t tail_chunk_ = 0;
  std::uint64_t tail_record_ = 0;
};

// A failure on a thread of ours stops the whole flow and is told by the thread that called.
template <typename Body>
void run_stage(ArchiveFlow& flow, const char* stage, Body body) {
  try {
    body();
  } catch (const Error& error) {
    flow.fail(stage, error.code(), error.what());
  } catch (const std::exception& error) {
    flow.fail(stage, ErrorCode::io, error.what());
  }
}

// A stop may come when the drive has all and the last hashes are under way.
bool lacks_a_hash(const ArchivePlan& plan, const ArchiveResult& result) {
  for (std::size_t i = 0; i < plan.members.size(); ++i) {
    const PlannedMember& member = plan.members[i];
    if (member.stored == Stored::data && member.data_end() <= result.plain_bytes &&
        !result.hashes[i]) {
      return true;
    }
  }
  return false;
}

struct StopAtExit {
  ArchiveFlow& flow;
  ~StopAtExit() { flow.stop(); }
};

}  // namespace

ArchiveResult write_archive(std::span<const Item> items, const ArchivePlan& plan,
                            const format::AgePreamble& preamble, tapeio::TapeDrive& drive,
                            const PipelineOptions& options) {
  const std::size_t ring_records = static_cast<std::size_t>(
      std::max(options.ring_bytes, kLeastRingBytes) / options.record_size + kLeastRingRecords);
  const unsigned sealers =
      std::clamp(options.sealers > 0 ? options.sealers : std::thread::hardware_concurrency(), 1U,
                 kMostSealers);
  ArchiveResult result;
  result.hashes.resize(plan.members.size());
  TarStream stream(items, plan);
  ArchiveFlow flow({.preamble_bytes = preamble.bytes.size(),
                    .record_size = options.record_size,
                    .ring_records = ring_records,
                    .slabs = kSlabs});
  {
    std::vector<std::jthread> threads;
    const StopAtExit stop_at_exit{flow};  // Before the threads are joined.
    const std::stop_callback on_stop(options.stop, [&flow] { flow.stop(); });
    threads.emplace_back([&] {
      run_stage(flow, "read", [&] {
        for (Slab* slab = flow.take_free(); slab != nullptr && stream.fill(*slab);
             slab = flow.take_free()) {
          flow.publish(*slab);
        }
        flow.finish_reading();
      });
    });
    for (unsigned i = 0; i < sealers; ++i) {
      threads.emplace_back([&] {
        run_stage(flow, "seal",
                  [&] { Sealer(flow, items, plan, preamble, options.tap, result.hashes).run(); });
      });
    }
    DriveStage(flow, plan, preamble, drive, options, ring_records).run(result);
    if (result.end == ArchiveResult::End::complete ||
        result.end == ArchiveResult::End::early_warning) {
      threads.clear();  // The last hashes may still be under way.
    }
  }
  flow.throw_if_failed();
  if (lacks_a_hash(plan, result)) {
    result.end = ArchiveResult::End::cancelled;
  }
  result.faults = stream.take_faults();
  return result;
}

}  // namespace mixtape::archive
