// SPDX-License-Identifier: Apache-2.0
#include "tools/map_drawing.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "engine/home/config.h"
#include "engine/order/models.h"
#include "tools/console.h"
#include "tools/json_text.h"

namespace mixtape::tools {
namespace {

using nlohmann::json;
using service::MapRead;
using service::MapStretch;
using service::TapeMap;

constexpr std::size_t kColumns = 72;
// What sums of fractions are off by, in columns.
constexpr double kRounding = 1e-6;
constexpr std::size_t kMostListed = 20;

// The tape as a rectangle: wraps from above, their length from 0 to 1.
class Layout {
 public:
  explicit Layout(const TapeMap& map) : tape_(map.tape) {
    if (const auto* drive = std::get_if<order::LtoDrive>(&tape_.times())) {
      low_ = drive->span().low;
      high_ = drive->span().high;
      wraps_ = drive->positioning().figures().wraps();
    } else {
      const std::uint64_t written = map.stretches.empty() ? 0 : map.stretches.back().end_block;
      high_ = tape_.at(std::max<std::uint64_t>({1, map.capacity_blocks, written})).at;
    }
    high_ = std::max(high_, low_ + 1e-9);
  }

  struct Point {
    std::uint32_t wrap;
    double along;
  };
  [[nodiscard]] Point at(std::uint64_t block) const {
    const order::Place place = tape_.at(block);
    return {std::min(place.wrap, wraps_ - 1),
            std::clamp((place.at - low_) / (high_ - low_), 0.0, 1.0)};
  }
  [[nodiscard]] std::uint32_t wraps() const { return wraps_; }

  // The pieces of a stretch, wrap by wrap: `piece(wrap, from, to)` with from <= to.
  template <typename Piece>
  void pieces(std::uint64_t begin_block, std::uint64_t end_block, Piece piece) const {
    const Point begin = at(begin_block), end = at(end_block);
    for (std::uint32_t wrap = begin.wrap; wrap <= end.wrap; ++wrap) {
      const bool forward = wrap % 2 == 0;
      const double from = wrap == begin.wrap ? begin.along : (forward ? 0 : 1);
      const double to = wrap == end.wrap ? end.along : (forward ? 1 : 0);
      piece(wrap, std::min(from, to), std::max(from, to));
    }
  }

 private:
  const recall::TapeModel& tape_;
  double low_ = 0, high_ = 1;
  std::uint32_t wraps_ = 1;
};

std::string title_of(const TapeMap& map) {
  return "medium " + printable(map.medium.label) + ", " + map.tape.name() +
         (map.medium.location.empty() ? "" : ", " + printable(map.medium.location)) + ", " +
         counted(map.stretches.size() / 2, "bundle");
}

std::string plan_text(const TapeMap& map) {
  return recall::to_string(map.plan, order::Objective::makespan);
}

char mark_of(std::size_t read) {
  return read < 9 ? static_cast<char>('1' + read) : '*';
}

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char letter : printable(text)) {
    switch (letter) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      default:
        safe += letter;
    }
  }
  return safe;
}

class Svg {
 public:
  explicit Svg(const TapeMap& map) : map_(map), layout_(map) {}

  std::string draw() {
    const double height = kTop + kRow * layout_.wraps() + 2 * kMargin;
    text_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" "
        "font-family=\"sans-serif\" font-size=\"12\">\n"
        "<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        "<text x=\"{:.0f}\" y=\"18\">{}</text>\n",
        kWidth + 2 * kMargin, height, escaped(title_of(map_)), kMargin, escaped(title_of(map_)));
    if (!map_.reads.empty()) {
      text_ +=
          fmt::format("<text x=\"{:.0f}\" y=\"34\">{}</text>\n", kMargin, escaped(plan_text(map_)));
    }
    for (std::uint32_t wrap = 0; wrap < layout_.wraps(); ++wrap) {
      bar(wrap, 0, 1, "#eeeeee", "");
    }
    for (const MapStretch& stretch : map_.stretches) {
      draw(stretch);
    }
    for (const MapRead& read : map_.reads) {
      layout_.pieces(read.begin_block, read.end_block,
                     [&](std::uint32_t wrap, double from, double to) {
                       bar(wrap, from, to, "#d1495b", "/" + read.path);
                     });
    }
    draw_path();
    return text_ + "</svg>\n";
  }

 private:
  static constexpr double kWidth = 1000, kMargin = 10, kTop = 44, kRow = 7, kBar = 5;

  [[nodiscard]] static double x(double along) { return kMargin + along * kWidth; }
  [[nodiscard]] static double y(std::uint32_t wrap) { return kTop + kRow * wrap; }

  void bar(std::uint32_t wrap, double from, double to, const char* fill, const std::string& what) {
    text_ += fmt::format(
        "<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.0f}\" fill=\"{}\"", x(from),
        y(wrap), std::max(0.6, (to - from) * kWidth), kBar, fill);
    text_ += what.empty() ? "/>\n" : "><title>" + escaped(what) + "</title></rect>\n";
  }

  void draw(const MapStretch& stretch) {
    const bool is_index = stretch.what == MapStretch::What::index;
    const char* fill = is_index ? "#edae49" : (stretch.bundle % 2 == 0 ? "#66a5c4" : "#2e6f95");
    const std::string what =
        (is_index ? "index of bundle " : "bundle ") + std::to_string(stretch.bundle);
    layout_.pieces(
        stretch.begin_block, stretch.end_block,
        [&](std::uint32_t wrap, double from, double to) { bar(wrap, from, to, fill, what); });
  }

  // From the beginning of the tape through the reads.
  void draw_path() {
    if (map_.reads.empty()) {
      return;
    }
    text_ += "<polyline fill=\"none\" stroke=\"black\" stroke-width=\"0.8\" points=\"";
    const auto point = [&](std::uint64_t block) {
      const Layout::Point at = layout_.at(block);
      text_ += fmt::format("{:.2f},{:.1f} ", x(at.along), y(at.wrap) + kBar / 2);
    };
    point(0);
    for (const MapRead& read : map_.reads) {
      point(read.begin_block);
      point(read.end_block);
    }
    text_ += "\"/>\n";
  }

  const TapeMap& map_;
  const Layout layout_;
  std::string text_;
};

}  // namespace

std::string map_text(const TapeMap& map) {
  const Layout layout(map);
  std::vector<std::string> rows(layout.wraps());
  const auto paint = [&](std::uint64_t begin, std::uint64_t end, char mark) {
    layout.pieces(begin, end, [&](std::uint32_t wrap, double from, double to) {
      std::string& row = rows[wrap];
      row.resize(kColumns, '.');
      const auto column = [](double exact) { return static_cast<std::size_t>(exact); };
      const auto first = std::min(column(from * kColumns + kRounding), kColumns - 1);
      const auto last =
          std::clamp(column(std::ceil(to * kColumns - kRounding)), first + 1, kColumns);
      std::fill(row.begin() + static_cast<std::ptrdiff_t>(first),
                row.begin() + static_cast<std::ptrdiff_t>(last), mark);
    });
  };
  for (const MapStretch& stretch : map.stretches) {
    const bool is_index = stretch.what == MapStretch::What::index;
    paint(stretch.begin_block, stretch.end_block,
          is_index ? 'i' : (stretch.bundle % 2 == 0 ? '-' : '='));
  }
  for (std::size_t read = map.reads.size(); read-- > 0;) {
    paint(map.reads[read].begin_block, map.reads[read].begin_block, mark_of(read));
  }
  std::string text = title_of(map) + "\n";
  std::size_t empty = 0;
  for (std::size_t wrap = 0; wrap < rows.size(); ++wrap) {
    if (rows[wrap].empty()) {
      ++empty;
    } else {
      text += fmt::format("{:>4} {} {}\n", wrap, wrap % 2 == 0 ? '>' : '<', rows[wrap]);
    }
  }
  if (empty > 0) {
    text += "     " + counted(empty, "wrap") + " without data\n";
  }
  if (!map.reads.empty()) {
    text += plan_text(map) + "\n";
    for (std::size_t read = 0; read < std::min(map.reads.size(), kMostListed); ++read) {
      text += fmt::format(
          "  {}  in {}  block {}  /{}\n", mark_of(read),
          format_duration(std::chrono::seconds(static_cast<std::int64_t>(map.plan.done_s[read]))),
          map.reads[read].begin_block, printable(map.reads[read].path));
    }
    if (map.reads.size() > kMostListed) {
      text += "  and " + std::to_string(map.reads.size() - kMostListed) + " more\n";
    }
  }
  return text;
}

std::string map_svg(const TapeMap& map) {
  return Svg(map).draw();
}

json map_json(const TapeMap& map) {
  const Layout layout(map);
  json stretches = json::array(), reads = json::array();
  for (const MapStretch& stretch : map.stretches) {
    stretches.push_back({{"what", stretch.what == MapStretch::What::index ? "index" : "archive"},
                         {"bundle", stretch.bundle},
                         {"begin_block", stretch.begin_block},
                         {"end_block", stretch.end_block}});
  }
  for (const MapRead& read : map.reads) {
    const Layout::Point at = layout.at(read.begin_block);
    json object = {{"begin_block", read.begin_block},
                   {"end_block", read.end_block},
                   {"wrap", at.wrap},
                   {"along", at.along}};
    put_name(object, "path", read.path);
    reads.push_back(std::move(object));
  }
  return {{"label", map.medium.label},       {"tape", map.tape.name()},
          {"wraps", layout.wraps()},         {"stretches", std::move(stretches)},
          {"reads", std::move(reads)},       {"locate_s", map.plan.costs.locate_s},
          {"read_s", map.plan.costs.read_s}, {"least_locate_s", map.plan.bound}};
}

}  // namespace mixtape::tools
