// SPDX-License-Identifier: Apache-2.0
#include "engine/order/batch_text.h"

#include <charconv>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tapeio/error.h"

namespace mixtape::order {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

class BatchParser {
 public:
  Batch parse(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    const bool bracketed = first != std::string_view::npos && text[first] == '[';
    while (!text.empty()) {
      ++line_;
      const std::size_t end = text.find('\n');
      const std::string_view line = trimmed(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (!line.empty()) {
        bracketed ? take_bracketed(line) : take_values(line);
      }
    }
    if (bracketed && (part_ != Part::requests || !head_ || !count_)) {
      fail("the text ends without head, count or requests");
    }
    if (count_ && *count_ != batch_.requests.size()) {
      fail("there are " + std::to_string(batch_.requests.size()) + " requests where " +
           std::to_string(*count_) + " were promised");
    }
    check(batch_);
    return std::move(batch_);
  }

 private:
  enum class Part { none, head, count, requests };

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::invalid, "read requests, line " + std::to_string(line_) + ": " + why);
  }

  void split(std::string_view line) {
    fields_.clear();
    for (;;) {
      const std::size_t comma = line.find(',');
      fields_.push_back(trimmed(line.substr(0, comma)));
      if (comma == std::string_view::npos) {
        return;
      }
      line.remove_prefix(comma + 1);
    }
  }
  void expect(std::size_t least, std::size_t most, const char* what) const {
    if (fields_.size() < least || fields_.size() > most) {
      fail(std::to_string(fields_.size()) + " values where " + what + " were expected");
    }
  }

  template <class Number>
  [[nodiscard]] Number number(std::size_t field, const char* what) const {
    const std::string_view text = fields_[field];
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      fail(std::string(what) + " is no number, or too large a one");
    }
    return value;
  }
  [[nodiscard]] Place place(std::size_t wrap, std::size_t at) const {
    return {number<std::uint32_t>(wrap, "the wrap"), number<double>(at, "the position")};
  }

  void add(Request request) {
    const auto [known, fresh] = line_of_.emplace(request.id, line_);
    if (!fresh) {
      fail("request " + std::to_string(request.id) + " is in line " +
           std::to_string(known->second) + " already; ids must differ");
    }
    if (batch_.requests.size() == kMostRequests) {
      fail("more than " + std::to_string(kMostRequests) + " requests; order them in parts");
    }
    batch_.requests.push_back(request);
  }

  void take_bracketed(std::string_view line) {
    if (line.size() < 2 || line.front() != '[' || line.back() != ']') {
      fail("each line must stand in brackets");
    }
    line = trimmed(line.substr(1, line.size() - 2));
    if (line.starts_with('"')) {
      if (part_ == Part::requests) {
        fail("a heading too many");
      }
      part_ = static_cast<Part>(static_cast<int>(part_) + 1);
      return;
    }
    split(line);
    if (part_ == Part::head && !head_) {
      expect(3, 3, "wrap, position and status");
      const auto status = number<unsigned>(2, "the status");
      if (status > 1) {
        fail("the status of the head must be 0 (at rest) or 1 (moving)");
      }
      set_head({place(0, 1), status == 1});
    } else if (part_ == Part::count && !count_) {
      expect(1, 1, "the number of requests");
      count_ = number<std::uint64_t>(0, "the number of requests");
    } else if (part_ == Part::requests) {
      expect(4, 4, "id, wrap, begin and end");
      const Place begin = place(1, 2);
      add({number<std::uint64_t>(0, "the id"), begin, place(1, 3), 1});
    } else {
      fail("a record where a heading was expected");
    }
  }

  void take_values(std::string_view line) {
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) {
      return;
    }
    split(line);
    if (fields_[0] == "id" && batch_.requests.empty() && !heading_) {
      heading_ = true;
    } else if (fields_[0] == "head") {
      expect(3, 4, "head, wrap, position and perhaps resting or moving");
      const std::string_view state = fields_.size() == 4 ? fields_[3] : "resting";
      if (head_ || (state != "resting" && state != "moving")) {
        fail(head_ ? "a second head" : "the head must be resting or moving");
      }
      set_head({place(1, 2), state == "moving"});
    } else {
      expect(4, 6, "id, wrap, begin, end and perhaps weight and end_wrap");
      Request request{number<std::uint64_t>(0, "the id"), place(1, 2), place(1, 3), 1};
      if (fields_.size() > 4) {
        request.weight = number<double>(4, "the weight");
      }
      if (fields_.size() > 5) {
        request.end.wrap = number<std::uint32_t>(5, "the end's wrap");
      }
      add(request);
    }
  }
  void set_head(const Head& head) {
    head_ = true;
    batch_.head = head;
  }

  Batch batch_;
  std::size_t line_ = 0;
  Part part_ = Part::none;
  bool head_ = false, heading_ = false;
  std::optional<std::uint64_t> count_;
  std::vector<std::string_view> fields_;
  std::unordered_map<std::uint64_t, std::size_t> line_of_;
};

}  // namespace

Batch parse_batch(std::string_view text) {
  return BatchParser().parse(text);
}

}  // namespace mixtape::order
