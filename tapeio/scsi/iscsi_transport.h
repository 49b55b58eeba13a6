// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tapeio/scsi/transport.h"

// SCSI commands over iSCSI, in user space (libiscsi): no kernel driver and no root.
//
// A session is never resumed behind the caller's back: a tape may stand elsewhere after a new
// login. Once a command ends with Error{io} the transport is dead, every later one fails at once
// with the same reason, and whoever wants to go on opens a new one.
//
// Errors:  as transport.h; `invalid` for a URL that is none; `not_permitted` when the target
//          refuses user or password; `not_found` when it has no such name.
// Cost:    data goes between the socket and the caller's buffer, without a copy between.
// Secrets: the password stays out of name() and of every message.

namespace mixtape::tapeio::scsi {

class IscsiTransport final : public Transport {
 public:
  // `url`: iscsi://[user%password@]host[:port]/iqn/lun. Logs in, or throws within `timeout`.
  explicit IscsiTransport(const std::string& url,
                          std::chrono::milliseconds timeout = std::chrono::seconds(10));
  ~IscsiTransport() override;
  IscsiTransport(const IscsiTransport&) = delete;
  IscsiTransport& operator=(const IscsiTransport&) = delete;

  // Without user and password.
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] Reply execute(const Command& command) override;
  [[nodiscard]] std::size_t most_data() const override;

 private:
  struct Session;
  [[noreturn]] void die(const std::string& reason);

  std::string name_;
  std::string dead_because_;
  std::unique_ptr<Session> session_;
};

// The logical units of the target that `transport` asks (REPORT LUNS), ascending: a changer's
// drives are among them. Only plain numbers below 16384; others are left out.
[[nodiscard]] std::vector<unsigned> logical_units(Transport& transport);

}  // namespace mixtape::tapeio::scsi
