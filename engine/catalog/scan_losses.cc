// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/scan_losses.h"

#include <algorithm>
#include <tuple>

#include "engine/catalog/rows.h"

namespace mixtape::catalog {
namespace {

std::int64_t number_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace

bool ScanLosses::is_worse(const Uuid& medium, const ScanLoss& loss) {
  Statement before(database_,
                   "SELECT what, gaps, files FROM state.scan_loss WHERE medium = ? AND file = ?");
  if (!before.bind(1, medium).bind(2, number_of(loss.tape_file)).step()) {
    return false;
  }
  // Not even the scan that did not come so far says more than one that did.
  const auto rank = [](std::int64_t what) {
    return what == static_cast<int>(ScanLoss::What::archive)  ? 0
           : what == static_cast<int>(ScanLoss::What::unread) ? 2
                                                              : 1;
  };
  return std::tuple(rank(static_cast<int>(loss.what)), number_of(loss.gaps),
                    number_of(loss.files)) >
         std::tuple(rank(before.integer(0)), before.integer(1), before.integer(2));
}

void ScanLosses::note(const Uuid& medium, std::int64_t now_s, std::span<const ScanLoss> losses) {
  Statement drop(database_, "DELETE FROM state.scan_loss WHERE medium = ? AND file = ?");
  Statement drop_names(database_, "DELETE FROM state.lost_name WHERE medium = ? AND file = ?");
  Statement add(database_, "INSERT INTO state.scan_loss VALUES (?, ?, ?, ?, ?, ?)");
  Statement add_name(database_, "INSERT OR IGNORE INTO state.lost_name VALUES (?, ?, ?)");
  for (const ScanLoss& loss : losses) {
    if (is_worse(medium, loss)) {
      continue;
    }
    const std::int64_t file = number_of(loss.tape_file);
    drop.bind(1, medium).bind(2, file).run();
    drop_names.bind(1, medium).bind(2, file).run();
    if (loss.is_nothing()) {
      continue;
    }
    add.bind(1, medium).bind(2, file).bind(3, std::int64_t{static_cast<int>(loss.what)});
    add.bind(4, now_s).bind(5, number_of(loss.files)).bind(6, number_of(loss.gaps)).run();
    for (std::size_t i = 0; i < std::min(loss.names.size(), ScanLoss::kMostNames); ++i) {
      add_name.bind(1, medium).bind(2, file).bind_name(3, loss.names[i]).run();
    }
  }
}

void ScanLosses::told(const Uuid& medium, std::uint64_t up_to) {
  for (const char* table : {"scan_loss", "lost_name"}) {
    Statement(database_,
              "DELETE FROM state." + std::string(table) + " WHERE medium = ? AND file <= ?")
        .bind(1, medium)
        .bind(2, number_of(up_to))
        .run();
  }
}

std::set<std::uint64_t> ScanLosses::to_read_again(const Uuid& medium) {
  std::set<std::uint64_t> files;
  Statement query(database_, "SELECT file FROM state.scan_loss WHERE medium = ? AND what <> ?");
  query.bind(1, medium).bind(2, std::int64_t{static_cast<int>(ScanLoss::What::index)});
  while (query.step()) {
    files.insert(static_cast<std::uint64_t>(query.integer(0)));
  }
  return files;
}

void ScanLosses::add_names(const Uuid& medium, std::uint64_t file, std::uint64_t files, Tree& tree,
                           MediumLoss& sum) {
  std::uint64_t elsewhere = 0;
  Statement query(database_,
                  "SELECT name FROM state.lost_name WHERE medium = ? AND file = ? ORDER BY name");
  query.bind(1, medium).bind(2, number_of(file));
  while (query.step()) {
    const std::string name(as_text(query.blob(0)));
    const auto path = tree.find_path(name);
    if (path && tree.newest(*path)) {
      ++elsewhere;
    } else if (sum.names.size() < MediumLoss::kMostNames) {
      sum.names.push_back(name);
    }
  }
  elsewhere = std::min(elsewhere, files);
  sum.elsewhere += elsewhere;
  sum.files += files - elsewhere;
}

std::vector<MediumLoss> ScanLosses::by_medium(Tree& tree) {
  // The nonce that ends the header of an archive is the uuid of a bundle that a scan alone told
  // of (is_scanned).
  Statement query(
      database_,
      "SELECT m.label, m.uuid, l.file, l.what, l.found, l.files, l.gaps FROM state.scan_loss l "
      "JOIN main.medium m ON m.uuid = l.medium WHERE m.state IN (0, 1) AND NOT EXISTS (SELECT 1 "
      "FROM main.bundle b WHERE b.medium = m.id AND b.state = 1 AND b.index_file + 1 >= l.file "
      "AND substr(b.archive_header, -16) <> b.uuid) ORDER BY m.label, l.file");
  std::vector<MediumLoss> all;
  while (query.step()) {
    if (all.empty() || all.back().medium != query.text(0)) {
      all.emplace_back().medium = query.text(0);
    }
    MediumLoss& sum = all.back();
    const auto file = static_cast<std::uint64_t>(query.integer(2));
    sum.found_s = std::max(sum.found_s, query.integer(4));
    sum.gaps += static_cast<std::uint64_t>(query.integer(6));
    switch (static_cast<ScanLoss::What>(query.integer(3))) {
      case ScanLoss::What::archive:
        add_names(uuid_from(query.blob(1)), file, static_cast<std::uint64_t>(query.integer(5)),
                  tree, sum);
        break;
      case ScanLoss::What::unopened:
        sum.unopened.push_back(file);
        break;
      case ScanLoss::What::index:
        sum.unread_index = file;
        break;
      case ScanLoss::What::unread:
        sum.unread_from = file;
        break;
    }
  }
  return all;
}

}  // namespace mixtape::catalog
