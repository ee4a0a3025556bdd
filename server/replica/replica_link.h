#pragma once

#include <cstdint>
#include <memory>

#include "server/replica/acknowledgement.h"
#include "server/replica/replica_frame.h"

namespace paramd {

// A primary's way to one backup. Thread-safe.
class ReplicaLink {
 public:
  virtual ~ReplicaLink() = default;

  // Sends a message, behind those sent before, and lets go of `acknowledgement` (may be null) when
  // the backup has it. As long as it has not, the message is sent again whenever the connection
  // breaks. When the backup says that this server is a shard's primary no longer, it is given up.
  virtual void Send(ReplicaFrame frame, std::shared_ptr<Acknowledgement> acknowledgement) = 0;

  // Lets go of it when the backup has answered everything that was sent so far, taken or refused.
  virtual void WhenAllAnswered(std::shared_ptr<Acknowledgement> acknowledgement) = 0;

  // Lets go of it when the backup has everything that was sent so far. It is given up when the
  // backup said of a message of this epoch or a later one that this server is a shard's primary no
  // longer: the shard may be the one that is asked about.
  virtual void WhenAllTaken(uint64_t epoch, std::shared_ptr<Acknowledgement> acknowledgement) = 0;

  // The server is a backup no longer: nobody waits for it, now or later. What was sent may never
  // have come there.
  virtual void Release() = 0;
  // Whether it was, from before anybody was let go because of that.
  virtual bool released() const { return false; }
  // This server ends: what the backup is not known to have is not acknowledged any more.
  virtual void GiveUp() = 0;

  // Of the messages that the backup is not known to have.
  virtual uint64_t queued_bytes() const = 0;

  // By its last answer the backup has no memory for more rows. An empty message asks it again.
  virtual bool full() const { return false; }
};

}  // namespace paramd
