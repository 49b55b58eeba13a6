// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tapeio/changer.h"
#include "tapeio/error.h"

// A changer whose connection may be lost and come back: its target is started anew, its cable is
// pulled.
//
// What is where is asked again once, over a new connection. A move is not repeated, since nobody
// knows whether it was done: elements() tells. A changer that cannot be reached even then is left
// alone for a while; whoever asks meanwhile gets the reason at once.
//
// Threads:  as Changer. Errors: as Changer, and what opening throws.

namespace mixtape::tapeio {

class ReopenedChanger final : public Changer {
 public:
  using Open = std::function<std::unique_ptr<Changer>()>;
  static constexpr std::chrono::milliseconds kLeftAlone = std::chrono::seconds(30);

  // Opens it at once.
  explicit ReopenedChanger(Open open, std::chrono::milliseconds left_alone = kLeftAlone);

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::vector<Element> elements() override;
  void move(std::uint16_t from, std::uint16_t to) override;

 private:
  Changer& opened();

  const Open open_;
  const std::chrono::milliseconds left_alone_;
  std::unique_ptr<Changer> changer_;  // Null: its connection was lost.
  std::string name_;
  std::optional<Error> trouble_;                        // Why it cannot be reached,
  std::chrono::steady_clock::time_point open_again_{};  // and until when that is believed.
};

}  // namespace mixtape::tapeio
