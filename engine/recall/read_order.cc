// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/read_order.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/order/merge.h"
#include "tapeio/error.h"

namespace mixtape::recall {
namespace {

using Indexes = std::vector<std::size_t>;

Indexes in_order_of_place(std::span<const TapeRead> reads) {
  Indexes sorted(reads.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::stable_sort(sorted.begin(), sorted.end(), [&](std::size_t left, std::size_t right) {
    return reads[left].begin < reads[right].begin;
  });
  return sorted;
}

// Forward from the head, then from the front.
Indexes swept(std::span<const TapeRead> reads, const Indexes& sorted, const TapeModel& tape,
              const order::Head& head) {
  Indexes order = sorted;
  const auto ahead = std::find_if(order.begin(), order.end(), [&](std::size_t index) {
    return tape.at(reads[index].begin.block).at >= head.place.at;
  });
  std::rotate(order.begin(), ahead, order.end());
  return order;
}

// What is wanted, as the order room sees it. Its requests stand in the order of their place.
struct Wanted {
  Wanted(const TapeModel& tape, const order::Head& head, std::span<const TapeRead> all)
      : sorted(in_order_of_place(all)) {
    order::Batch batch{.head = head, .requests = {}};
    for (const std::size_t index : sorted) {
      const TapeRead& read = all[index];
      batch.requests.push_back({.id = index,
                                .begin = tape.at(read.begin.block),
                                .end = tape.at(std::max(read.end_block, read.begin.block + 1)),
                                .weight = std::min(read.weight, order::kHeaviest)});
    }
    merged = order::merge(tape.times(), batch, order::cheapest_locate_seconds(tape.times()));
    for (order::Request& request : merged.batch.requests) {
      request.weight = std::min(request.weight, order::kHeaviest);
    }
  }
  // Which read is the `part`th of a merged request.
  [[nodiscard]] std::size_t read_at(std::size_t request, std::size_t part) const {
    return sorted[merged.parts[request][part]];
  }

  Indexes sorted;
  order::Merged merged;
};

// The merged requests in the order in which their first reads stand in `known`.
Indexes known_order(const Wanted& wanted, std::span<const std::size_t> known) {
  Indexes request_of(wanted.sorted.size());
  for (std::size_t request = 0; request < wanted.merged.parts.size(); ++request) {
    for (std::size_t part = 0; part < wanted.merged.parts[request].size(); ++part) {
      request_of[wanted.read_at(request, part)] = request;
    }
  }
  std::vector<bool> seen(wanted.merged.parts.size(), false);
  Indexes order;
  for (const std::size_t read : known) {
    const std::size_t request = request_of.at(read);
    if (!seen[request]) {
      seen[request] = true;
      order.push_back(request);
    }
  }
  return order;
}

std::vector<tapeio::BlockRange> ranges_of(const Wanted& wanted, std::span<const TapeRead> reads) {
  std::vector<tapeio::BlockRange> ranges;
  for (std::size_t request = 0; request < wanted.merged.parts.size(); ++request) {
    std::uint64_t end = 0;
    for (std::size_t part = 0; part < wanted.merged.parts[request].size(); ++part) {
      end = std::max(end, reads[wanted.read_at(request, part)].end_block);
    }
    const std::uint64_t first = reads[wanted.read_at(request, 0)].begin.block;
    ranges.push_back({.first = first, .last = std::max(first, end - 1)});
  }
  return ranges;
}

// `own`, or what the drive recommends if that is better. What it cannot or will not recommend is
// passed over.
order::Plan against_drive(order::Plan own, const TapeModel& tape, const Wanted& wanted,
                          std::span<const TapeRead> reads, const ReadWish& wish) {
  const order::Batch& batch = wanted.merged.batch;
  if (wish.drive == nullptr || own.exact || batch.requests.size() > order::kMostRequests) {
    return own;
  }
  try {
    if (batch.requests.size() <= wish.drive->most_ranges()) {
      return order::better(own, tape.times(), batch, wish.objective,
                           wish.drive->recommend(ranges_of(wanted, reads)));
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::cancelled) {
      throw;
    }
    spdlog::debug("recall: ask the drive for an order: {}", error.what());
  }
  return own;
}

order::Plan planned(const TapeModel& tape, const order::Batch& batch, const Indexes& known,
                    const ReadWish& wish) {
  return known.empty() ? order::plan(tape.times(), batch, wish.objective, wish.effort)
                       : order::replan(tape.times(), batch, known, wish.objective, wish.effort);
}

// More than one search takes are ordered in parts, which lie one behind the other.
order::Plan plan_of(const TapeModel& tape, const Wanted& wanted, const ReadWish& wish) {
  const order::Batch& batch = wanted.merged.batch;
  if (batch.requests.size() <= order::kMostRequests) {
    return planned(tape, batch, known_order(wanted, wish.known), wish);
  }
  order::Plan whole;
  order::Batch part{.head = batch.head, .requests = {}};
  for (std::size_t begin = 0; begin < batch.requests.size(); begin += order::kMostRequests) {
    const std::size_t end = std::min(begin + order::kMostRequests, batch.requests.size());
    part.requests.assign(batch.requests.begin() + static_cast<std::ptrdiff_t>(begin),
                         batch.requests.begin() + static_cast<std::ptrdiff_t>(end));
    for (const std::size_t index : planned(tape, part, {}, wish).order) {
      whole.order.push_back(begin + index);
    }
    part.head = {.place = batch.requests[whole.order.back()].end, .moving = true};
  }
  return whole;
}

// Follows the order request by request, and says when each of its reads is done.
void spell_out(const TapeModel& tape, const Wanted& wanted, std::span<const TapeRead> reads,
               const Indexes& requests, ReadOrder& plan) {
  const order::Batch& batch = wanted.merged.batch;
  double now_s = 0;
  const order::Place* from = nullptr;
  for (const std::size_t index : requests) {
    const order::Request& request = batch.requests[index];
    const double locate_s = from == nullptr
                                ? order::first_seconds(tape.times(), batch.head, request.begin)
                                : order::locate_seconds(tape.times(), *from, request.begin);
    for (std::size_t part = 0; part < wanted.merged.parts[index].size(); ++part) {
      const TapeRead& read = reads[wanted.read_at(index, part)];
      plan.order.push_back(wanted.read_at(index, part));
      plan.done_s.push_back(
          now_s + locate_s +
          order::read_seconds(tape.times(), request.begin, tape.at(read.end_block)));
      plan.costs.response_s += read.weight * plan.done_s.back();
    }
    const double read_s = order::read_seconds(tape.times(), request.begin, request.end);
    now_s += locate_s + read_s;
    plan.costs.locate_s += locate_s;
    plan.costs.read_s += read_s;
    from = &request.end;
  }
}

void sweep_line(const TapeModel& tape, const order::Head& head, std::span<const TapeRead> reads,
                ReadOrder& plan) {
  order::Place at = head.place;
  for (const std::size_t index : swept(reads, in_order_of_place(reads), tape, head)) {
    const TapeRead& read = reads[index];
    const order::Place begin = tape.at(read.begin.block);
    const order::Place end = tape.at(read.end_block);
    plan.order.push_back(index);
    plan.costs.locate_s += std::abs(begin.at - at.at);
    plan.costs.read_s += end.at - begin.at;
    plan.done_s.push_back(plan.costs.locate_s + plan.costs.read_s);
    plan.costs.response_s += read.weight * plan.done_s.back();
    at = end;
  }
  plan.locates = reads.size();
}

}  // namespace

TapeRead read_of(const Extent& extent, double weight) {
  const std::uint64_t plain = extent.archive.plain_bytes;
  // What runs over the archive's end shows when it is read.
  const std::uint64_t most = plain - std::min(plain, extent.data_offset);
  const std::uint64_t size = std::max<std::uint64_t>(1, std::min(extent.stored_size, most));
  const ReadPlan plan = plan_read(extent.archive, {.offset = extent.data_offset, .size = size});
  return {.begin = {.block = extent.archive.first_block + plan.first_record,
                    .offset = extent.data_offset},
          .end_block = extent.archive.first_block + plan.end_record,
          .weight = weight};
}

ReadOrder order_reads(const TapeModel& tape, const order::Head& head,
                      std::span<const TapeRead> reads, const ReadWish& wish) {
  const auto began = std::chrono::steady_clock::now();
  ReadOrder plan;
  if (!tape.knows_wraps()) {
    sweep_line(tape, head, reads, plan);
  } else if (!reads.empty()) {
    const Wanted wanted(tape, head, reads);
    const order::Plan own = plan_of(tape, wanted, wish);
    const order::Plan found = against_drive(own, tape, wanted, reads, wish);
    plan.by_drive = found.order != own.order;
    plan.exact = found.exact;
    plan.locates = found.order.size();
    spell_out(tape, wanted, reads, found.order, plan);
    plan.bound = std::min(found.bound, order::of_objective(plan.costs, wish.objective));
  }
  plan.took_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return plan;
}

std::string to_string(const ReadOrder& plan, order::Objective objective) {
  std::string text =
      fmt::format("{} read{} in {} locate{}: {:.0f} s to locate, {:.0f} s to read",
                  plan.order.size(), plan.order.size() == 1 ? "" : "s", plan.locates,
                  plan.locates == 1 ? "" : "s", plan.costs.locate_s, plan.costs.read_s);
  if (objective == order::Objective::response) {
    text += fmt::format(", {:.0f} s waited in all", plan.costs.response_s);
  }
  if (plan.exact) {
    text += ", the best order";
  } else if (plan.bound > 0) {
    text += fmt::format(", at least {:.0f} s", plan.bound);
  }
  return text + fmt::format("; {}planned in {:.1f} ms", plan.by_drive ? "the drive's order, " : "",
                            1000 * plan.took_s);
}

}  // namespace mixtape::recall
