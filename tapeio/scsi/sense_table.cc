// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <iterator>

#include "tapeio/scsi/sense.h"
#include "tapeio/write_protection.h"

// The additional sense codes that tape drives and changers give (SPC-5 annex), in the standard's
// words, and what each kind means for somebody who only wants to write a tape.

namespace mixtape::tapeio::scsi {
namespace {

struct AdditionalName {
  std::uint8_t asc, ascq;
  std::string_view name;
};

constexpr AdditionalName kAdditional[] = {
    {0x00, 0x00, "no additional sense information"},
    {0x00, 0x01, "filemark detected"},
    {0x00, 0x02, "end-of-partition/medium detected"},
    {0x00, 0x03, "setmark detected"},
    {0x00, 0x04, "beginning-of-partition/medium detected"},
    {0x00, 0x05, "end-of-data detected"},
    {0x00, 0x06, "I/O process terminated"},
    {0x00, 0x07, "programmable early warning detected"},
    {0x00, 0x16, "operation in progress"},
    {0x00, 0x17, "cleaning requested"},
    {0x00, 0x18, "erase operation in progress"},
    {0x00, 0x19, "locate operation in progress"},
    {0x00, 0x1a, "rewind operation in progress"},
    {0x03, 0x00, "peripheral device write fault"},
    {0x03, 0x01, "no write current"},
    {0x03, 0x02, "excessive write errors"},
    {0x04, 0x00, "logical unit not ready, cause not reportable"},
    {0x04, 0x01, "logical unit is in process of becoming ready"},
    {0x04, 0x02, "logical unit not ready, initializing command required"},
    {0x04, 0x03, "logical unit not ready, manual intervention required"},
    {0x04, 0x04, "logical unit not ready, format in progress"},
    {0x04, 0x07, "logical unit not ready, operation in progress"},
    {0x04, 0x09, "logical unit not ready, self-test in progress"},
    {0x04, 0x12, "logical unit not ready, offline"},
    {0x04, 0x13, "logical unit not ready, SA creation in progress"},
    {0x05, 0x00, "logical unit does not respond to selection"},
    {0x08, 0x00, "logical unit communication failure"},
    {0x08, 0x01, "logical unit communication time-out"},
    {0x09, 0x00, "track following error"},
    {0x0a, 0x00, "error log overflow"},
    {0x0b, 0x01, "warning - specified temperature exceeded"},
    {0x0c, 0x00, "write error"},
    {0x0c, 0x0b, "auxiliary memory write error"},
    {0x11, 0x00, "unrecovered read error"},
    {0x11, 0x01, "read retries exhausted"},
    {0x11, 0x02, "error too long to correct"},
    {0x11, 0x08, "incomplete block read"},
    {0x11, 0x12, "auxiliary memory read error"},
    {0x14, 0x00, "recorded entity not found"},
    {0x14, 0x01, "record not found"},
    {0x14, 0x02, "filemark or setmark not found"},
    {0x14, 0x03, "end-of-data not found"},
    {0x14, 0x04, "block sequence error"},
    {0x15, 0x01, "mechanical positioning error"},
    {0x15, 0x02, "positioning error detected by read of medium"},
    {0x1a, 0x00, "parameter list length error"},
    {0x1b, 0x00, "synchronous data transfer error"},
    {0x20, 0x00, "invalid command operation code"},
    {0x21, 0x00, "logical block address out of range"},
    {0x21, 0x01, "invalid element address"},
    {0x24, 0x00, "invalid field in CDB"},
    {0x25, 0x00, "logical unit not supported"},
    {0x26, 0x00, "invalid field in parameter list"},
    {0x26, 0x01, "parameter not supported"},
    {0x26, 0x02, "parameter value invalid"},
    {0x26, 0x04, "invalid release of persistent reservation"},
    {0x27, 0x00, "write protected"},
    {0x27, 0x01, "hardware write protected"},
    {0x27, 0x02, "logical unit software write protected"},
    {0x27, 0x03, "associated write protect"},
    {0x27, 0x04, "persistent write protect"},
    {0x27, 0x05, "permanent write protect"},
    {0x27, 0x06, "conditional write protect"},
    {0x28, 0x00, "not ready to ready change, medium may have changed"},
    {0x28, 0x01, "import or export element accessed"},
    {0x29, 0x00, "power on, reset, or bus device reset occurred"},
    {0x29, 0x01, "power on occurred"},
    {0x29, 0x02, "SCSI bus reset occurred"},
    {0x29, 0x03, "bus device reset function occurred"},
    {0x29, 0x04, "device internal reset"},
    {0x29, 0x07, "I_T nexus loss occurred"},
    {0x2a, 0x00, "parameters changed"},
    {0x2a, 0x01, "mode parameters changed"},
    {0x2a, 0x02, "log parameters changed"},
    {0x2a, 0x03, "reservations preempted"},
    {0x2a, 0x04, "reservations released"},
    {0x2a, 0x05, "registrations preempted"},
    {0x2c, 0x00, "command sequence error"},
    {0x2d, 0x00, "overwrite error on update in place"},
    {0x2f, 0x00, "commands cleared by another initiator"},
    {0x30, 0x00, "incompatible medium installed"},
    {0x30, 0x01, "cannot read medium - unknown format"},
    {0x30, 0x02, "cannot read medium - incompatible format"},
    {0x30, 0x03, "cleaning cartridge installed"},
    {0x30, 0x04, "cannot write medium - unknown format"},
    {0x30, 0x05, "cannot write medium - incompatible format"},
    {0x30, 0x06, "cannot format medium - incompatible medium"},
    {0x30, 0x07, "cleaning failure"},
    {0x30, 0x0c, "WORM medium - overwrite attempted"},
    {0x30, 0x0d, "WORM medium - integrity check"},
    {0x30, 0x10, "medium not formatted"},
    {0x31, 0x00, "medium format corrupted"},
    {0x31, 0x01, "format command failed"},
    {0x33, 0x00, "tape length error"},
    {0x37, 0x00, "rounded parameter"},
    {0x39, 0x00, "saving parameters not supported"},
    {0x3a, 0x00, "medium not present"},
    {0x3a, 0x01, "medium not present - tray closed"},
    {0x3a, 0x02, "medium not present - tray open"},
    {0x3a, 0x03, "medium not present - loadable"},
    {0x3a, 0x04, "medium not present - medium auxiliary memory accessible"},
    {0x3b, 0x00, "sequential positioning error"},
    {0x3b, 0x01, "tape position error at beginning-of-medium"},
    {0x3b, 0x02, "tape position error at end-of-medium"},
    {0x3b, 0x08, "reposition error"},
    {0x3b, 0x0c, "position past beginning of medium"},
    {0x3b, 0x0d, "medium destination element full"},
    {0x3b, 0x0e, "medium source element empty"},
    {0x3b, 0x0f, "end of medium reached"},
    {0x3b, 0x11, "medium magazine not accessible"},
    {0x3b, 0x12, "medium magazine removed"},
    {0x3b, 0x13, "medium magazine inserted"},
    {0x3e, 0x00, "logical unit has not self-configured yet"},
    {0x3e, 0x01, "logical unit failure"},
    {0x3e, 0x02, "timeout on logical unit"},
    {0x3f, 0x01, "microcode has been changed"},
    {0x3f, 0x0e, "reported LUNs data has changed"},
    {0x40, 0x80, "diagnostic failure on component 80h"},
    {0x41, 0x00, "data path failure"},
    {0x44, 0x00, "internal target failure"},
    {0x45, 0x00, "select or reselect failure"},
    {0x47, 0x00, "SCSI parity error"},
    {0x48, 0x00, "initiator detected error message received"},
    {0x4b, 0x00, "data phase error"},
    {0x4e, 0x00, "overlapped commands attempted"},
    {0x50, 0x00, "write append error"},
    {0x50, 0x01, "write append position error"},
    {0x51, 0x00, "erase failure"},
    {0x52, 0x00, "cartridge fault"},
    {0x53, 0x00, "media load or eject failed"},
    {0x53, 0x01, "unload tape failure"},
    {0x53, 0x02, "medium removal prevented"},
    {0x53, 0x03, "medium removal prevented by data transfer element"},
    {0x53, 0x04, "medium thread or unthread failure"},
    {0x55, 0x06, "auxiliary memory out of space"},
    {0x5a, 0x01, "operator medium removal request"},
    {0x5d, 0x00, "failure prediction threshold exceeded"},
    {0x5d, 0xff, "failure prediction threshold exceeded (false)"},
    {0x74, 0x00, "security error"},
    {0x74, 0x01, "unable to decrypt data"},
};

bool is_write_protection(const Sense& sense) {
  return sense.asc == 0x27 || (sense.key == SenseKey::data_protect && sense.asc != 0x30 &&
                               sense.asc != 0x50 && sense.asc != 0x74);
}

// A drive in append-only mode (SSC-5), or a WORM cartridge: what is written stays. Only of the
// first may it be told that writing here is meant.
bool is_append_only(const Sense& sense) {
  return sense.is(0x50, 0x01) || (sense.key == SenseKey::data_protect && sense.asc == 0x50);
}

Advice advice_when_not_ready(const Sense& sense) {
  switch (sense.asc) {
    case 0x3a:
      return {Remedy::fail, ErrorCode::no_medium, "there is no cartridge in the drive: put one in"};
    case 0x30:
      if (sense.ascq == 0x03) {
        return {Remedy::fail, ErrorCode::wrong_medium,
                "a cleaning cartridge is in the drive: take it out when the drive is done with it"};
      }
      return {Remedy::fail, ErrorCode::wrong_medium,
              "this drive cannot use a cartridge of this generation or format: put in another"};
    case 0x04:
      switch (sense.ascq) {
        case 0x00:
        case 0x01:
        case 0x04:
        case 0x07:
        case 0x09:
        case 0x13:
          return {Remedy::wait, ErrorCode::io, "the drive is getting ready"};
        case 0x02:
          return {Remedy::load, ErrorCode::no_medium, "the cartridge is in the drive, not loaded"};
        case 0x12:
          return {Remedy::fail, ErrorCode::io, "the drive is offline: put it online"};
        default:
          return {Remedy::fail, ErrorCode::io, "the drive is not ready: look at its display"};
      }
    case 0x3e:
      return {sense.ascq == 0 ? Remedy::wait : Remedy::fail, ErrorCode::io,
              "the drive has not started or has failed: look at its display"};
    case 0x53:
      return {Remedy::fail, ErrorCode::io,
              "the drive could not load or give out the cartridge: look at its display"};
    default:
      return {Remedy::fail, ErrorCode::io, "the drive is not ready: look at its display"};
  }
}

Advice advice_for_attention(const Sense& sense) {
  switch (sense.asc) {
    case 0x28:
      if (sense.ascq == 0) {
        return {Remedy::exchanged, ErrorCode::no_medium,
                "the cartridge was taken out or exchanged: load it again"};
      }
      return {Remedy::again, ErrorCode::io, "a cartridge was put into an import/export slot"};
    case 0x29:
      return {
          Remedy::reset, ErrorCode::io,
          "the drive was reset or switched on meanwhile: what was not behind a filemark is lost"};
    case 0x2a:
      if (sense.ascq == 0x03 || sense.ascq == 0x05) {
        return {Remedy::fail, ErrorCode::locked, "another host took the drive over"};
      }
      return {Remedy::again, ErrorCode::io, "settings of the drive were changed"};
    case 0x3b:
      return {Remedy::again, ErrorCode::io, "a magazine was moved"};
    case 0x5a:
      return {Remedy::again, ErrorCode::io, "somebody pressed the eject button"};
    default:
      return {Remedy::again, ErrorCode::io, "the drive has news"};
  }
}

Advice advice_for_medium_error(const Sense& sense) {
  switch (sense.asc) {
    case 0x30:
      return sense.ascq == 0x03
                 ? advice_when_not_ready(sense)
                 : Advice{Remedy::fail, ErrorCode::wrong_medium,
                          "this drive cannot use a cartridge of this generation or format: put in "
                          "another"};
    case 0x03:
    case 0x0c:
    case 0x50:
      return {Remedy::fail, ErrorCode::bad_medium,
              "the tape cannot be written here: clean the drive; if it happens again, take this "
              "cartridge out of use"};
    case 0x52:
      return {Remedy::fail, ErrorCode::bad_medium,
              "the cartridge is faulty: copy what can be read and take it out of use"};
    default:
      return {Remedy::fail, ErrorCode::bad_medium,
              "the tape cannot be read here: clean the drive, or use another copy"};
  }
}

Advice advice_for_illegal_request(const Sense& sense) {
  switch (sense.asc) {
    case 0x20:
    case 0x24:
    case 0x26:
      return {Remedy::fail, ErrorCode::unsupported, "the drive does not support this"};
    case 0x30:
      return advice_when_not_ready(sense);
    case 0x53:
      return {Remedy::fail, ErrorCode::locked, "the drive's door is locked by a host"};
    default:
      return {Remedy::fail, ErrorCode::io, "the drive refuses this command"};
  }
}

}  // namespace

std::string name_of_additional(std::uint8_t asc, std::uint8_t ascq) {
  const auto* const found =
      std::find_if(std::begin(kAdditional), std::end(kAdditional),
                   [&](const AdditionalName& row) { return row.asc == asc && row.ascq == ascq; });
  if (found != std::end(kAdditional)) {
    return std::string(found->name);
  }
  char text[64];
  std::snprintf(text, sizeof text, "%sadditional sense %02Xh/%02Xh",
                asc >= 0x80 || ascq >= 0x80 ? "vendor-specific " : "", asc, ascq);
  return text;
}

Advice advice_for(const Sense& sense) {
  if (!sense.understood) {
    return {Remedy::fail, ErrorCode::io, "the drive gave no reason"};
  }
  if (is_write_protection(sense)) {
    return {Remedy::fail, ErrorCode::write_protected, kMoveItsSwitch};
  }
  if (is_append_only(sense)) {
    return {Remedy::allow, ErrorCode::write_protected,
            "what is on this cartridge can only be added to (it is a WORM cartridge, or the drive "
            "is in append-only mode and stays in it): take another"};
  }
  switch (sense.key) {
    case SenseKey::no_sense:
    case SenseKey::recovered_error:
    case SenseKey::completed:
      return {Remedy::none, ErrorCode::io, "it was carried out"};
    case SenseKey::not_ready:
      return advice_when_not_ready(sense);
    case SenseKey::unit_attention:
      return advice_for_attention(sense);
    case SenseKey::medium_error:
      return advice_for_medium_error(sense);
    case SenseKey::illegal_request:
      return advice_for_illegal_request(sense);
    case SenseKey::hardware_error:
      return {Remedy::fail, ErrorCode::io,
              "the drive has a fault: switch it off and on; if it stays, have it repaired"};
    case SenseKey::data_protect:
      if (sense.asc == 0x30) {
        return {Remedy::fail, ErrorCode::write_protected,
                "this drive can read cartridges of this generation and not write them"};
      }
      return {Remedy::fail, ErrorCode::not_permitted, "the data is protected by the drive's key"};
    case SenseKey::aborted_command:
      return {Remedy::fail, ErrorCode::io, "the command was cut off: look at cables and adapter"};
    case SenseKey::volume_overflow:
      return {Remedy::fail, ErrorCode::no_space, "the tape is full: go on with another cartridge"};
    default:
      return {Remedy::fail, ErrorCode::io, "the drive failed"};
  }
}

}  // namespace mixtape::tapeio::scsi
